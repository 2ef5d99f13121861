// The text of a checkpoint, https://c2sp.org/tlog-checkpoint: origin, size, root, and extension lines, which we never write.
import { encodeUtf8, fromBase64, parseDecimal, toBase64 } from './bytes.ts'
import { FormatError } from './errors.ts'
import { HASH_SIZE, type Hash } from './hash.ts'
import { hasControl } from './keys.ts'
import { parsePart } from './parse-part.ts'

/** A tree head of the log named `origin`. `extensions` are covered by signatures 0x01 and 0x04, not by 0x06. */
export type Checkpoint = {
  readonly origin: string
  readonly size: number
  readonly root: Hash
  readonly extensions: readonly string[]
}

/** Longest origin in UTF-8 bytes: the signed message of 0x06 holds it behind a one-byte length. */
export const MAX_ORIGIN_SIZE = 255

/**
 * The note text of a checkpoint, with its final newline.
 * @throws FormatError invalid_checkpoint
 */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  checkOrigin(origin)
  if (!Number.isSafeInteger(size) || size < 0) throw invalid(`${size} is no tree size`)
  if (root.length !== HASH_SIZE) throw invalid(`the root has ${root.length} bytes, not ${HASH_SIZE}`)
  extensions.forEach((line, at) => {
    if (line === '' || hasControl(line))
      throw invalid(`extension line ${at + 1} is empty or holds a control character`)
  })
  return [origin, size, toBase64(root), ...extensions, ''].join('\n')
}

/**
 * Parses the text of a checkpoint. The text must come from a note that openNote has vouched for.
 * @throws FormatError invalid_checkpoint for any text but the one formatCheckpoint would write.
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, size, root, ...extensions] = text.split('\n')
  if (origin === undefined || size === undefined || root === undefined || extensions.pop() !== '') {
    throw invalid('it needs the lines origin, size and root, each ended by a newline')
  }
  const checkpoint: Checkpoint = {
    origin,
    size: parsePart('invalid_checkpoint', 'the tree size', () => parseDecimal(size)),
    root: parsePart('invalid_checkpoint', 'the root', () => fromBase64(root)),
    extensions,
  }
  if (formatCheckpoint(checkpoint) !== text) throw invalid('it is not written in the one canonical way')
  return checkpoint
}

/** @throws FormatError invalid_checkpoint unless `origin` is one line of 1 to 255 bytes. */
function checkOrigin(origin: string): void {
  const size = encodeUtf8(origin).length
  if (size === 0 || size > MAX_ORIGIN_SIZE || hasControl(origin)) {
    throw invalid(
      `the origin has ${size} bytes; it must be one line of 1 to ${MAX_ORIGIN_SIZE} without control characters`,
    )
  }
}

function invalid(what: string): FormatError {
  return new FormatError('invalid_checkpoint', `Not a checkpoint: ${what}.`)
}
