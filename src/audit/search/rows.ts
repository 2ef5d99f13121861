import { nanosOf } from '../event/time.ts'
// An event as a row of search.events, and rows in Postgres's binary COPY format.
import type { ReadEvent } from '../follow/read-events.ts'
import { keyOf, keysOf } from './keys.ts'
import type { Terms } from './terms.ts'

export interface Row {
  readonly index: number
  /** POSIX milliseconds: of the event, or when the log took what has no time. */
  readonly time: number
  /** The event is dated more than a day away from when the log took it. */
  readonly far: boolean
  readonly terms: Int32Array
}

const DAY_MS = 86_400_000
/** Term of rows that are far. */
export const FAR = keyOf('far', '1')

/** @param takenAt when the log took it; POSIX milliseconds */
export function rowOf({ index, envelope, disclosures }: ReadEvent, takenAt: number, terms: Terms): Row {
  const time = timeOf(envelope['time']) ?? takenAt
  const far = Math.abs(time - takenAt) > DAY_MS
  const keys = keysOf(envelope, disclosures)
  return {
    index,
    time,
    far,
    terms: terms.of(far ? { ...keys, clear: new Set([...keys.clear, FAR]) } : keys),
  }
}

function timeOf(time: unknown): number | undefined {
  return typeof time === 'string' ? millisOf(nanosOf(time)) : undefined
}

/** POSIX milliseconds, rounded down. */
export function millisOf(nanos: bigint): number {
  const millis = nanos / 1_000_000n
  return Number(nanos < 0n && nanos % 1_000_000n !== 0n ? millis - 1n : millis)
}

const SIGNATURE = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex')
const TRAILER = Buffer.from('ffff', 'hex')
/** Rows of a chunk: a millisecond of writing. */
const CHUNK_ROWS = 1_024
/** Field count, and with their length prefixes log_id, index, time, and of terms the header of an array. */
const ROW_OVERHEAD = 2 + (4 + 4) + (4 + 8) + (4 + 8) + 4 + 20
const INT4_OID = 23

/** Rows for `COPY … (log_id, index, time, terms) FROM STDIN BINARY`. */
export function* copyRows(logId: number, rows: readonly Row[]): Generator<Buffer> {
  yield SIGNATURE
  for (let start = 0; start < rows.length; start += CHUNK_ROWS) {
    const chunk = rows.slice(start, start + CHUNK_ROWS)
    const out = Buffer.allocUnsafe(
      chunk.reduce((size, { terms }) => size + ROW_OVERHEAD + 8 * terms.length, 0),
    )
    let at = 0
    for (const row of chunk) at = writeRow(out, at, logId, row)
    yield out
  }
  yield TRAILER
}

function writeRow(out: Buffer, start: number, logId: number, { index, time, terms }: Row): number {
  let at = out.writeInt16BE(4, start)
  at = out.writeInt32BE(4, at)
  at = out.writeInt32BE(logId, at)
  at = writeBigint(out, index, at)
  at = writeBigint(out, time, at)
  at = out.writeInt32BE(20 + 8 * terms.length, at)
  at = out.writeInt32BE(1, at) // dimensions; every event has terms
  at = out.writeInt32BE(0, at) // no nulls
  at = out.writeInt32BE(INT4_OID, at)
  at = out.writeInt32BE(terms.length, at)
  at = out.writeInt32BE(1, at) // lower bound
  for (const term of terms) {
    at = out.writeInt32BE(4, at)
    at = out.writeInt32BE(term, at)
  }
  return at
}

/** A length-prefixed int8 within the safe integers, without BigInt. */
function writeBigint(out: Buffer, value: number, at: number): number {
  const high = Math.floor(value / 2 ** 32)
  const next = out.writeInt32BE(high, out.writeInt32BE(8, at))
  return out.writeUInt32BE(value - high * 2 ** 32, next)
}
