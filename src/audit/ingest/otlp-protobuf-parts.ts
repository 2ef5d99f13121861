// The parts that OTLP messages are made of (opentelemetry-proto: common/v1), read with the reader of protobufjs.
import type { Reader } from 'protobufjs/minimal.js'
import { UnreadableEvent } from '../event/errors.ts'
import { MAX_VALUE_DEPTH, type OtlpAttribute, type OtlpValue } from './otlp-types.ts'

// A tag is the number of the field and how it is written: another way of writing is another tag, so it counts as unknown.
export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5
export const tag = (field: number, wire: number): number => (field << 3) | wire

const KEY_VALUE = { key: tag(1, BYTES), value: tag(2, BYTES) } as const
const ANY_VALUE = {
  string: tag(1, BYTES),
  bool: tag(2, VARINT),
  int: tag(3, VARINT),
  double: tag(4, FIXED64),
  array: tag(5, BYTES),
  kvlist: tag(6, BYTES),
  bytes: tag(7, BYTES),
} as const
/** ArrayValue and KeyValueList. */
const LIST = { values: tag(1, BYTES) } as const

/** Up to the end of the message; what `take` does not know is skipped. */
export function fields(reader: Reader, take: (field: number) => boolean): void {
  while (reader.pos < reader.len) {
    const field = reader.tag()
    if (!take(field)) reader.skipType(field & 7, 0, field >>> 3)
  }
}

/** Reads a message within its length: nothing in it can reach what follows. */
export function inside<T>(reader: Reader, read: () => T): T {
  const outer = reader.len
  reader.len = endOf(reader)
  const value = read()
  reader.len = outer
  return value
}

/** The same for a message that may be damaged without harm to what follows: what was thrown is handed over. */
export function isolated(reader: Reader, read: () => void): unknown {
  const outer = reader.len
  const end = endOf(reader)
  reader.len = end
  try {
    read()
    return undefined
  } catch (error) {
    return error
  } finally {
    reader.pos = end
    reader.len = outer
  }
}

export function readKeyValue(reader: Reader, depth: number): OtlpAttribute {
  const outer = reader.len
  const end = endOf(reader)
  reader.len = end
  let key = ''
  let value: OtlpValue = null
  while (reader.pos < end) {
    const field = reader.tag()
    if (field === KEY_VALUE.key) key = readKey(reader)
    else if (field === KEY_VALUE.value) value = readValue(reader, depth)
    else reader.skipType(field & 7, 0, field >>> 3)
  }
  reader.len = outer
  return { key, value }
}

export function readValue(reader: Reader, depth: number): OtlpValue {
  if (depth > MAX_VALUE_DEPTH) throw new UnreadableEvent('too_deep', 'Values are nested too deep.')
  const outer = reader.len
  const end = endOf(reader)
  reader.len = end
  let value: OtlpValue = null
  while (reader.pos < end) {
    const field = reader.tag()
    switch (field) {
      case ANY_VALUE.string:
        value = reader.stringVerify()
        break
      case ANY_VALUE.bool:
        value = reader.bool()
        break
      case ANY_VALUE.int:
        value = readInt64(reader)
        break
      case ANY_VALUE.double:
        value = reader.double()
        break
      case ANY_VALUE.array:
        value = readList(reader, () => readValue(reader, depth + 1))
        break
      case ANY_VALUE.kvlist:
        value = { kvlist: readList(reader, () => readKeyValue(reader, depth + 1)) }
        break
      case ANY_VALUE.bytes:
        value = reader.bytes()
        break
      default:
        reader.skipType(field & 7, 0, field >>> 3)
    }
  }
  reader.len = outer
  return value
}

function readList<T>(reader: Reader, readOne: () => T): T[] {
  const list: T[] = []
  inside(reader, () =>
    fields(reader, (field) => {
      if (field !== LIST.values) return false
      list.push(readOne())
      return true
    }),
  )
  return list
}

export function endOf(reader: Reader): number {
  const size = reader.size()
  const end = reader.pos + size
  if (end > reader.len) throw new RangeError('a message is longer than what holds it')
  return end
}

export function readFixed64(reader: Reader): bigint {
  if (reader.pos + 8 > reader.len) throw new RangeError('a number is longer than what holds it')
  reader.view ??= new DataView(reader.buf.buffer, reader.buf.byteOffset, reader.buf.byteLength)
  const value = reader.view.getBigUint64(reader.pos, true)
  reader.pos += 8
  return value
}

function readInt64(reader: Reader): bigint {
  const { low, high } = reader.int64()
  return high === 0 && low >= 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low >>> 0)
}

/** Lower-case hex; empty for an id of zeros, which is none (W3C Trace Context §3.2.2.3). */
export function readId(reader: Reader): string {
  const bytes = reader.bytes()
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
  return /^0*$/.test(hex) ? '' : hex
}

/** Keys that were read last, by some of their bytes: all records of a sender have the same few. */
const keys: (string | undefined)[] = Array.from({ length: 1_024 }, () => undefined)

/** Of the known keys without decoding them: half of all strings are keys, and the rules look them up. */
function readKey(reader: Reader): string {
  const { buf, pos: start } = reader
  const size = reader.size()
  const from = reader.pos
  const end = from + size
  if (size === 0 || size > 64 || end > reader.len) {
    reader.pos = start
    return reader.stringVerify()
  }
  const at =
    (size * 31 + byte(buf, from) * 7 + byte(buf, from + (size >> 1)) * 17 + byte(buf, end - 1) * 61) & 1_023
  const known = keys[at]
  if (known !== undefined && isAscii(known, buf, from, size)) {
    reader.pos = end
    return known
  }
  reader.pos = start
  const key = reader.stringVerify()
  keys[at] = key
  return key
}

const byte = (buf: Uint8Array, at: number): number => buf[at] ?? 0

/** Whether the bytes are the text, one byte for each character. */
function isAscii(text: string, buf: Uint8Array, from: number, size: number): boolean {
  if (text.length !== size) return false
  for (let i = 0; i < size; i++) {
    const code = text.charCodeAt(i)
    if (code > 127 || code !== buf[from + i]) return false
  }
  return true
}
