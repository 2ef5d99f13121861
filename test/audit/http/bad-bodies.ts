// Bodies that no sender should send, and what they are made of.
import { gzipSync } from 'node:zlib'

export const NOW = '2026-11-25T10:00:00Z'
/** A word of an event, which no refusal may repeat. */
export const SECRET = 'flamingo-7f3a'

/** Doors at which some garbage holds nothing that could be kept. */
export const NOTHING_IN_IT: string[] = [
  '/v1/logs protobuf: nothing',
  '/v1/audit protobuf: nothing',
  '/v1/logs json: an empty object',
  '/v1/audit json: an empty object',
  'CloudEvents batch: an empty list',
]

const text = (value: string) => (): Uint8Array => Buffer.from(value)
const event = `"time":"${NOW}","action":"${SECRET}"`
export const GARBAGE: Record<string, () => Uint8Array> = {
  nothing: text(''),
  null: text('null'),
  'an empty object': text('{}'),
  'an empty list': text('[]'),
  'a list of nothing': text('[null,1,"x",[]]'),
  'a text': text(`"${SECRET}"`),
  'a number that no double holds': text(`{${event},"x":1e999}`),
  'a byte order mark': text(`\uFEFF{${event}}`),
  'a NUL byte': text(`{${event},"x":"\0"}`),
  'an escaped NUL': text(`{${event},"actor":{"id":"a\\u0000b"},"x\\u0000":"\\u0000","id":"\\u0000"}`),
  'half of a surrogate pair': text(`{${event},"x":"\\ud800"}`),
  'a name twice': text(`{${event},"x":1,"x":2}`),
  'a prototype': text(`{${event},"__proto__":{"a":1},"constructor":1,"toString":2}`),
  'bytes that are no UTF-8': () =>
    Buffer.concat([Buffer.from(`{${event},"x":"`), Buffer.from([0xff, 0xc0, 0x80]), Buffer.from('"}')]),
  'bytes of no kind': () => Uint8Array.from({ length: 3_000 }, (_, i) => (i * i * 31 + i) % 256),
  'five million brackets': text('['.repeat(5_000_000)),
  'a million objects, each in the other': text('{"a":'.repeat(1_000_000)),
  'a deep protobuf': () => deepProtobuf(100_000),
  'a length beyond all bounds': () => Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f),
}

/** A log record whose body is a list in a list in a list. */
export function deepProtobuf(levels: number): Uint8Array {
  // AnyValue.array_value and ArrayValue.values; then LogRecord.body, ScopeLogs.log_records, and what is around them.
  const tags = [...Array.from({ length: levels }, () => [0x0a, 0x2a]).flat(), 0x2a, 0x12, 0x12, 0x0a]
  const heads: Uint8Array[] = []
  let length = 0
  for (const tag of tags) {
    const head = Uint8Array.of(tag, ...varint(length))
    heads.push(head)
    length += head.length
  }
  return Buffer.concat(heads.toReversed())
}

function varint(value: number): number[] {
  const out: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) | 128)
  return [...out, value]
}

/** 1 GiB of zeros each. */
export const BOMBS = {
  gzip: Buffer.concat(Array<Buffer>(16).fill(gzipSync(Buffer.alloc(2 ** 26), { level: 9 }))),
  zstd: zstdOfZeros(2 ** 30),
}

/** A frame (RFC 8878 §3.1.1) of raw blocks. */
export function zstdStored(body: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = []
  for (let at = 0; at === 0 || at < body.length; at += 131_072) {
    const block = body.subarray(at, at + 131_072)
    blocks.push(blockHeader(at + 131_072 >= body.length, 0, block.length), block)
  }
  return Buffer.concat([frameHeader(body.length), ...blocks])
}

/** Repeated blocks: a few bytes for 128 KiB. */
function zstdOfZeros(size: number): Uint8Array {
  const count = size / 131_072
  const blocks = Array.from({ length: count }, (_, i) => [
    blockHeader(i === count - 1, 1, 131_072),
    Uint8Array.of(0),
  ])
  return Buffer.concat([frameHeader(size), ...blocks.flat()])
}

function frameHeader(size: number): Uint8Array {
  const header = Buffer.alloc(9)
  header.writeUInt32LE(0xfd2f_b528)
  header[4] = 0xa0
  header.writeUInt32LE(size, 5)
  return header
}

function blockHeader(last: boolean, type: number, size: number): Uint8Array {
  const header = Buffer.alloc(3)
  header.writeUIntLE((last ? 1 : 0) + type * 2 + size * 8, 0, 3)
  return header
}
