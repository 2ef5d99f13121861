// An event as a row of search.events, and rows in Postgres's binary COPY format.
import { UnreadableEvent } from '../event/errors.ts'
import { nanosOf } from '../event/time.ts'
import type { FieldsOfEvent } from '../follow/read-fields.ts'
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

/** @param takenAt when the log took it; POSIX milliseconds */
export function rowOf({ index, envelope, fields }: FieldsOfEvent, takenAt: number, terms: Terms): Row {
  const time = timeOf(envelope['time']) ?? takenAt
  const far = Math.abs(time - takenAt) > DAY_MS
  return { index, time, far, terms: terms.of(envelope, fields, far) }
}

/** What the vast majority of times look like: whole seconds or a fraction, in UTC, of a year that Date knows. */
const COMMON = /^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(?:\.\d{1,9})?Z$/

function timeOf(time: unknown): number | undefined {
  if (typeof time !== 'string') return undefined
  // Digits beyond milliseconds are cut off by Date, before 1970 too: rounded down.
  const millis = COMMON.test(time) ? Date.parse(time) : Number.NaN
  if (!Number.isNaN(millis)) return millis
  const nanos = nanosIn(time)
  return nanos === undefined ? undefined : millisOf(nanos)
}

/** Undefined for what is no time: an entry may say anything that somebody appended as bytes. */
export function nanosIn(time: unknown): bigint | undefined {
  if (typeof time !== 'string') return undefined
  try {
    return nanosOf(time)
  } catch (error) {
    if (error instanceof UnreadableEvent) return undefined
    throw error
  }
}

/** POSIX milliseconds, rounded down. */
export function millisOf(nanos: bigint): number {
  const millis = nanos / 1_000_000n
  return Number(nanos < 0n && nanos % 1_000_000n !== 0n ? millis - 1n : millis)
}

const SIGNATURE = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex')
const TRAILER = Buffer.from('ffff', 'hex')
/** Rows of a chunk: less than a millisecond of writing. */
const CHUNK_ROWS = 1_024
/** Field count, and with their length prefixes log_id, index, time, and of terms the header of an array. */
const ROW_OVERHEAD = 2 + (4 + 4) + (4 + 8) + (4 + 8) + 4 + 20
const INT4_OID = 23

/** Rows for `COPY … (log_id, index, time, terms) FROM STDIN BINARY`. */
export function* copyRows(logId: number, rows: readonly Row[]): Generator<Buffer> {
  yield SIGNATURE
  for (let start = 0; start < rows.length; start += CHUNK_ROWS) {
    const chunk = rows.slice(start, start + CHUNK_ROWS)
    const out = Buffer.allocUnsafeSlow(
      chunk.reduce((size, { terms }) => size + ROW_OVERHEAD + 8 * terms.length, 0),
    )
    const view = new DataView(out.buffer, out.byteOffset, out.length)
    let at = 0
    for (const row of chunk) at = writeRow(view, at, logId, row)
    yield out
  }
  yield TRAILER
}

/** All numbers are big-endian. */
function writeRow(out: DataView, start: number, logId: number, { index, time, terms }: Row): number {
  out.setInt16(start, 4)
  out.setInt32(start + 2, 4)
  out.setInt32(start + 6, logId)
  writeBigint(out, start + 10, index)
  writeBigint(out, start + 22, time)
  out.setInt32(start + 34, 20 + 8 * terms.length)
  out.setInt32(start + 38, 1) // dimensions; every event has terms
  out.setInt32(start + 42, 0) // no nulls
  out.setInt32(start + 46, INT4_OID)
  out.setInt32(start + 50, terms.length)
  out.setInt32(start + 54, 1) // lower bound
  let at = start + ROW_OVERHEAD
  for (let i = 0; i < terms.length; i++) {
    out.setInt32(at, 4)
    out.setInt32(at + 4, terms[i] ?? 0)
    at += 8
  }
  return at
}

/** A length-prefixed int8 within the safe integers, without BigInt. */
function writeBigint(out: DataView, at: number, value: number): void {
  const high = Math.floor(value / 2 ** 32)
  out.setInt32(at, 8)
  out.setInt32(at + 4, high)
  out.setUint32(at + 8, value - high * 2 ** 32)
}
