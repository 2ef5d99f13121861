// Bytes, and the only places where text becomes bytes or numbers. Every parser accepts exactly what its
// formatter writes: C2SP formats are canonical, and two spellings of one value are two different signed texts.
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { FormatError } from './errors.ts'

const encoder = new TextEncoder()
// ignoreBOM keeps a leading U+FEFF in the text; dropping it would make two byte strings equal.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Joins byte strings in order, into a fresh array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Whether two byte strings are the same. Not constant-time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return bytesToHex(bytes)
}

/**
 * Bytes of lower-case hexadecimal.
 * @throws FormatError `invalid_hex` for anything {@link toHex} does not write
 */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || /[^0-9a-f]/.test(text)) {
    throw new FormatError('invalid_hex', 'Not hexadecimal: use pairs of 0-9 and a-f, lower case.')
  }
  return hexToBytes(text)
}

/** Standard base64 with padding (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  // In pieces, because a call takes a bounded number of arguments.
  for (let i = 0; i < bytes.length; i += 4096) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 4096))
  }
  return btoa(binary)
}

/**
 * Bytes of standard, padded, canonical base64 (RFC 4648 §4; unused bits zero, no white space).
 * @throws FormatError `invalid_base64` for anything {@link toBase64} does not write
 */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || /[^A-Za-z0-9+/=]/.test(text)) throw notBase64()
  const binary = decodeBase64(text)
  // atob ignores unused bits; only the canonical spelling survives the way back.
  if (btoa(binary) !== text) throw notBase64()
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

/**
 * UTF-8 of a text.
 * @throws FormatError `invalid_utf8` for a lone surrogate, which has no UTF-8
 */
export function encodeUtf8(text: string): Uint8Array {
  if (/\p{Surrogate}/u.test(text)) {
    throw new FormatError(
      'invalid_utf8',
      'The text holds half of a surrogate pair, which UTF-8 cannot express.',
    )
  }
  return encoder.encode(text)
}

/**
 * Text of UTF-8 bytes; a leading byte order mark is kept as U+FEFF.
 * @throws FormatError `invalid_utf8`
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new FormatError('invalid_utf8', 'The bytes are not UTF-8.', {}, { cause })
  }
}

/**
 * Non-negative decimal integer without sign, spaces or leading zeros, at most 2^53-1.
 * @throws FormatError `invalid_number`
 */
export function parseDecimal(text: string): number {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw new FormatError(
    'invalid_number',
    'Not a canonical decimal number: use digits without sign or leading zeros, at most 9007199254740991.',
  )
}

/** Big-endian. @throws FormatError `invalid_number` when fewer than 2 bytes are left at `offset` */
export function readU16(bytes: Uint8Array, offset: number): number {
  return viewOf(bytes, offset, 2).getUint16(0)
}

/** Big-endian. @throws FormatError `invalid_number` when fewer than 4 bytes are left at `offset` */
export function readU32(bytes: Uint8Array, offset: number): number {
  return viewOf(bytes, offset, 4).getUint32(0)
}

/** Big-endian. @throws FormatError `invalid_number` when fewer than 8 bytes are left at `offset`, or above 2^53-1 */
export function readU64(bytes: Uint8Array, offset: number): number {
  const view = viewOf(bytes, offset, 8)
  const value = view.getUint32(0) * 2 ** 32 + view.getUint32(4)
  if (Number.isSafeInteger(value)) return value
  throw new FormatError('invalid_number', `The 64-bit number at byte ${offset} exceeds 9007199254740991.`)
}

/** Two bytes, big-endian. @throws FormatError `invalid_number` outside 0..65535 */
export function writeU16(value: number): Uint8Array {
  return bigEndian(value, 2, 2 ** 16 - 1)
}

/** Four bytes, big-endian. @throws FormatError `invalid_number` outside 0..2^32-1 */
export function writeU32(value: number): Uint8Array {
  return bigEndian(value, 4, 2 ** 32 - 1)
}

/** Eight bytes, big-endian. @throws FormatError `invalid_number` outside 0..2^53-1 */
export function writeU64(value: number): Uint8Array {
  return bigEndian(value, 8, Number.MAX_SAFE_INTEGER)
}

function decodeBase64(text: string): string {
  try {
    return atob(text)
  } catch {
    throw notBase64()
  }
}

function notBase64(): FormatError {
  return new FormatError(
    'invalid_base64',
    'Not canonical base64: use the standard alphabet with padding (RFC 4648 §4).',
  )
}

function bigEndian(value: number, length: number, max: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw new FormatError('invalid_number', `${value} is not a whole number from 0 to ${max}.`)
  }
  const bytes = new Uint8Array(length)
  for (let i = length - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
  return bytes
}

function viewOf(bytes: Uint8Array, offset: number, length: number): DataView {
  if (offset >= 0 && offset + length <= bytes.length) {
    return new DataView(bytes.buffer, bytes.byteOffset + offset, length)
  }
  throw new FormatError('invalid_number', `${length} bytes expected at byte ${offset}, of ${bytes.length}.`)
}
