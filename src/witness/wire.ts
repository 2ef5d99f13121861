// What add-checkpoint sends and answers, https://c2sp.org/tlog-witness. Every parser accepts exactly what its formatter writes.
import { concat, decodeUtf8, encodeUtf8, fromBase64, parseDecimal, toBase64 } from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'
import { type Hash, HASH_SIZE } from '../core/hash.ts'
import { type NoteSignature, parseSignatures as parseLines } from '../core/note.ts'
import { WitnessError, type WitnessErrorCode } from './errors.ts'

/** "The checkpoint `note` extends the tree of `oldSize` leaves, as `proof` (RFC 6962 §2.1.2) shows." */
export interface AddCheckpoint {
  readonly oldSize: number
  /** At most {@link MAX_PROOF_LINES} hashes. */
  readonly proof: readonly Hash[]
  /** A signed note as it came: neither parsed nor verified. */
  readonly note: Uint8Array
}

export const MAX_PROOF_LINES = 63
/** Content-Type of a 409 whose body is the size that the witness cosigned last. Compared byte for byte in the field. */
export const SIZE_CONTENT_TYPE = 'text/x.tlog.size'

const OLD = 'old '
const LF = 0x0a

/** The body of a request. @throws RangeError for more hashes than the protocol allows */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): Uint8Array {
  if (proof.length > MAX_PROOF_LINES) throw new RangeError(`${proof.length} hashes in a consistency proof`)
  const lines = [`${OLD}${oldSize}`, ...proof.map(toBase64), '', '']
  return concat(encodeUtf8(lines.join('\n')), note)
}

/** The parts of a request; the note is not looked at. @throws WitnessError `invalid_request` */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint {
  const end = body.findIndex((byte, at) => byte === LF && body[at + 1] === LF)
  if (end < 0) throw new WitnessError('invalid_request', 'There is no empty line before the checkpoint.')
  return parsed('invalid_request', () => {
    const [old = '', ...hashes] = decodeUtf8(body.subarray(0, end)).split('\n')
    if (!old.startsWith(OLD)) throw new WitnessError('invalid_request', 'The first line is not "old <size>".')
    if (hashes.length > MAX_PROOF_LINES) {
      throw new WitnessError(
        'invalid_request',
        `There are ${hashes.length} hashes; a consistency proof has at most ${MAX_PROOF_LINES}.`,
      )
    }
    return {
      oldSize: parseDecimal(old.slice(OLD.length)),
      proof: hashes.map(parseHash),
      note: body.slice(end + 2),
    }
  })
}

/** The body of a 409: the size that the witness cosigned last. */
export function formatSize(size: number): string {
  return `${size}\n`
}

/** @throws WitnessError `invalid_answer` */
export function parseSize(body: Uint8Array): number {
  return parsed('invalid_answer', () => {
    const text = decodeUtf8(body)
    if (!text.endsWith('\n')) throw new WitnessError('invalid_answer', 'The size does not end in a newline.')
    return parseDecimal(text.slice(0, -1))
  })
}

/** The signature lines of a 200 (core's formatSignatures writes them), not verified. @throws WitnessError `invalid_answer` */
export function parseSignatures(body: Uint8Array): readonly NoteSignature[] {
  return parsed('invalid_answer', () => parseLines(body))
}

function parseHash(line: string): Hash {
  const hash = fromBase64(line)
  if (hash.length !== HASH_SIZE) {
    throw new WitnessError('invalid_request', `A hash has ${hash.length} bytes, not ${HASH_SIZE}.`)
  }
  return hash
}

function parsed<T>(code: WitnessErrorCode, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (cause instanceof FormatError) throw new WitnessError(code, cause.message, {}, { cause })
    throw cause
  }
}
