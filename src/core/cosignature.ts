// What a cosigner signs and how its signature is stored, https://c2sp.org/tlog-cosignature.
import { concat, encodeUtf8, readU64, writeU64 } from './bytes.ts'
import { FormatError } from './errors.ts'
import { HASH_SIZE, type Hash } from './hash.ts'

/** A subtree and the statement about it. `start` and `end` are leaf indexes, half-open; a checkpoint is [0, size). */
export type SubtreeStatement = {
  readonly cosigner: string
  readonly timestamp: number
  readonly origin: string
  readonly start: number
  readonly end: number
  readonly root: Hash
}
/** A timestamp in seconds since the epoch, and the signature that covers it. */
export type TimestampedSignature = { readonly timestamp: number; readonly signature: Uint8Array }

const TIMESTAMP_SIZE = 8
const ED25519_HEADER = 'cosignature/v1'
const ML_DSA_LABEL = 'subtree/v1\n\0'

/**
 * The message of type 0x04: header line, time line, then the text of the checkpoint byte for byte.
 * @throws FormatError invalid_signature_blob for a timestamp that is no count of seconds.
 */
export function cosignatureMessage(timestamp: number, textBytes: Uint8Array): Uint8Array {
  checkTimestamp(timestamp)
  return concat(encodeUtf8(`${ED25519_HEADER}\ntime ${timestamp}\n`), textBytes)
}

/**
 * The message of type 0x06: the structure `cosigned_message`. It commits to the cosigner's name, not to extension lines.
 * @throws FormatError invalid_signature_blob if a field does not fit, or if a subtree that does not start at 0 has a timestamp.
 */
export function subtreeMessage({
  cosigner,
  timestamp,
  origin,
  start,
  end,
  root,
}: SubtreeStatement): Uint8Array {
  checkTimestamp(timestamp)
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw invalid(`[${start}, ${end}) is no range of leaves`)
  }
  if (start !== 0 && timestamp !== 0) throw invalid('a subtree that does not start at 0 has timestamp 0')
  if (root.length !== HASH_SIZE) throw invalid(`the root has ${root.length} bytes, not ${HASH_SIZE}`)
  return concat(
    encodeUtf8(ML_DSA_LABEL),
    shortString('cosigner name', cosigner),
    writeU64(timestamp),
    shortString('origin', origin),
    writeU64(start),
    writeU64(end),
    root,
  )
}

/**
 * The signature part of a signature line: eight bytes of timestamp, then the signature.
 * @throws FormatError invalid_signature_blob
 */
export function formatTimestamped({ timestamp, signature }: TimestampedSignature): Uint8Array {
  checkTimestamp(timestamp)
  return concat(writeU64(timestamp), signature)
}

/**
 * The reverse of formatTimestamped. The specification allows timestamps up to 2^63-1; those above 2^53-1, 285 million
 * years ahead, are refused.
 * @throws FormatError invalid_signature_blob, invalid_number
 */
export function parseTimestamped(blob: Uint8Array, signatureSize: number): TimestampedSignature {
  if (blob.length !== TIMESTAMP_SIZE + signatureSize) {
    throw invalid(
      `${blob.length} bytes, not ${TIMESTAMP_SIZE} of timestamp and ${signatureSize} of signature`,
    )
  }
  return { timestamp: readU64(blob, 0), signature: blob.slice(TIMESTAMP_SIZE) }
}

function shortString(what: string, text: string): Uint8Array {
  const bytes = encodeUtf8(text)
  if (bytes.length === 0 || bytes.length > 255)
    throw invalid(`the ${what} has ${bytes.length} bytes; 1 to 255 fit`)
  return concat(Uint8Array.of(bytes.length), bytes)
}

function checkTimestamp(timestamp: number): void {
  if (!Number.isSafeInteger(timestamp) || timestamp < 0) throw invalid(`${timestamp} is no count of seconds`)
}

function invalid(what: string): FormatError {
  return new FormatError('invalid_signature_blob', `Not a cosignature: ${what}.`)
}
