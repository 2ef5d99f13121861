// Proofs as files that can be verified offline, https://c2sp.org/tlog-proof: index, inclusion proof, signed checkpoint.
import { concat, decodeUtf8, encodeUtf8, fromBase64, parseDecimal, toBase64 } from './bytes.ts'
import { FormatError } from './errors.ts'
import { HASH_SIZE, type Hash } from './hash.ts'
import { MAX_NOTE_SIZE } from './note.ts'
import { parsePart } from './parse-part.ts'

/**
 * A proof that was parsed, not verified. `path` is the inclusion proof, leaf sibling first; `checkpoint` the bytes of the
 * signed note; `extra` is not authenticated by anything and must not be trusted for being there.
 */
export type ProofFile = {
  readonly index: number
  readonly extra?: Uint8Array
  readonly path: readonly Hash[]
  readonly checkpoint: Uint8Array
}

/** Largest extra data in bytes: its line stays under the 64 KiB that line-based readers in Go accept. */
export const MAX_EXTRA_SIZE = 48_000
/** Most hashes of an inclusion proof: sizes are below 2^53. */
const MAX_PATH_LENGTH = 53
/** Largest proof file in bytes. */
export const MAX_PROOF_FILE_SIZE: number = MAX_NOTE_SIZE + 70_000

const HEADER = 'c2sp.org/tlog-proof@v1'
const LF = 0x0a

/**
 * The bytes of a proof file.
 * @throws FormatError invalid_proof_file
 */
export function formatProofFile(file: ProofFile): Uint8Array {
  checkFile(file)
  const { index, extra, path, checkpoint } = file
  const lines = [
    HEADER,
    ...(extra ? [`extra ${toBase64(extra)}`] : []),
    `index ${index}`,
    ...path.map(toBase64),
  ]
  return concat(encodeUtf8(`${lines.join('\n')}\n\n`), checkpoint)
}

/**
 * Parses without verifying: see verifyProof. The checkpoint is kept byte for byte and not looked into.
 * @throws FormatError invalid_proof_file
 */
export function parseProofFile(source: Uint8Array): ProofFile {
  if (source.length > MAX_PROOF_FILE_SIZE) {
    throw invalid(`${source.length} bytes; a proof has at most ${MAX_PROOF_FILE_SIZE}`)
  }
  const bytes = new Uint8Array(source) // a copy, and never a Buffer, whose slice() shares memory
  const split = bytes.findIndex((byte, at) => byte === LF && bytes[at + 1] === LF)
  if (split < 0) throw invalid('there is no empty line before the checkpoint')
  const head = parsePart('invalid_proof_file', 'The lines before the checkpoint', () =>
    decodeUtf8(bytes.subarray(0, split)),
  )
  const file = parseHead(head.split('\n'), bytes.slice(split + 2))
  checkFile(file)
  return file
}

function parseHead([header, ...lines]: readonly string[], checkpoint: Uint8Array): ProofFile {
  if (header !== HEADER) throw invalid(`the first line is not "${HEADER}"`)
  const extra = lines[0]?.startsWith('extra ')
    ? part('Extra data', () => fromBase64((lines[0] ?? '').slice(6)))
    : undefined
  const [indexLine, ...hashes] = extra ? lines.slice(1) : lines
  if (!indexLine?.startsWith('index ')) throw invalid('there is no line "index <number>"')
  const index = part('Index', () => parseDecimal(indexLine.slice(6)))
  const path = hashes.map((line, at) => part(`Hash ${at + 1}`, () => fromBase64(line)))
  return extra ? { index, extra, path, checkpoint } : { index, path, checkpoint }
}

function checkFile({ index, extra, path, checkpoint }: ProofFile): void {
  if (!Number.isSafeInteger(index) || index < 0) throw invalid(`${index} is no index`)
  if (extra && (extra.length === 0 || extra.length > MAX_EXTRA_SIZE)) {
    throw invalid(`the extra data has ${extra.length} bytes; leave it out, or bring 1 to ${MAX_EXTRA_SIZE}`)
  }
  if (path.length > MAX_PATH_LENGTH)
    throw invalid(`${path.length} hashes; an inclusion proof has at most ${MAX_PATH_LENGTH}`)
  path.forEach((hash, at) => {
    if (hash.length !== HASH_SIZE) throw invalid(`hash ${at + 1} has ${hash.length} bytes, not ${HASH_SIZE}`)
  })
  if (checkpoint.length === 0 || checkpoint.length > MAX_NOTE_SIZE) {
    throw invalid(`the checkpoint has ${checkpoint.length} bytes; 1 to ${MAX_NOTE_SIZE} fit`)
  }
}

function part<T>(where: string, parse: () => T): T {
  return parsePart('invalid_proof_file', where, parse)
}

function invalid(what: string): FormatError {
  return new FormatError('invalid_proof_file', `Not a proof: ${what}.`)
}
