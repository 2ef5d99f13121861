// Candidates for a query, in order, with bounded work a step: first the newest few thousand rows, which is all that a filter
// that many events match needs; then partition by partition, by their inverted indexes, one, two, four … in a statement.
import type { Sql } from '../../db/connect.ts'
import { partsWithin, type TimedPart } from './granules.ts'
import { PART_SIZE, partOf, tableOf } from './parts.ts'
import { millisWithin, type Plan, rowConditions, termConditions } from './plan.ts'
import { FAR, type Terms } from './terms.ts'

/** Settings of the connections that search: no plan may read a table from end to end, or be made at length. */
export const SEARCH_SETTINGS: Readonly<Record<string, string>> = {
  enable_seqscan: 'off',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
}

export interface Scan {
  readonly sql: Sql
  readonly logId: number
  readonly plan: Plan
  readonly terms: Terms
  /** Indexes below were indexed. */
  readonly indexed: number
  /** Parts without an inverted index. */
  readonly open: ReadonlySet<number>
  readonly order: 'newest' | 'oldest'
  /** How many more are wanted, now. */
  readonly want: () => number
}

export interface Step {
  /** In the order of the scan. */
  readonly indexes: readonly number[]
  /** Newest first: all from here on was looked at; oldest first: all below was. */
  readonly position: number
  /** Partitions that were looked into. */
  readonly parts: number
}

/** Indexes not looked at yet: `start` inclusive, `end` exclusive. */
interface Window {
  start: number
  end: number
}

/** Rows of the first look. */
const PROBE = 4_096
/** Partitions of a statement at most: each has three locks while it runs. */
const MOST_PARTS = 32

export async function* scan(given: Scan): AsyncGenerator<Step, void, undefined> {
  const { sql, logId, plan, order, indexed } = given
  const window: Window = { start: plan.start, end: Math.min(plan.end, indexed) }
  if (window.start >= window.end) return
  if (order === 'newest') yield await probe(given, window)
  const millis = millisWithin(plan)
  const timed = millis && (await partsWithin(sql, logId, millis.low, millis.high))
  for (let count = 1; window.start < window.end; count = Math.min(2 * count, MOST_PARTS)) {
    const parts = nextParts(window, order, timed, count)
    if (parts.length === 0) return
    yield await look(given, window, parts, parts.length === count || timed === undefined)
  }
}

/** The statement that looks at all rows from `start` to `end`; for the plan to be seen, too. */
export function probeStatement(given: Scan, { start, end }: Window): string {
  const arms: string[] = []
  for (let part = partOf(end - 1); part >= partOf(start); part--)
    arms.push(rangeArm(given, part, { start, end }))
  return arms.join('\nUNION ALL\n')
}

async function probe(given: Scan, window: Window): Promise<Step> {
  const start = Math.max(window.start, window.end - PROBE)
  const want = given.want()
  const indexes = await run(given, probeStatement(given, { start, end: window.end }))
  const cut = indexes.length > want ? indexes.slice(0, want) : indexes
  window.end = cut.length < want ? start : (cut.at(-1) ?? start)
  return { indexes: cut, position: window.end, parts: 1 }
}

/** @param whole the parts after these are still to come */
async function look(given: Scan, window: Window, parts: readonly TimedPart[], whole: boolean): Promise<Step> {
  const want = given.want()
  const found = await run(given, partsStatement(given, window, parts))
  // A part may have more than were wanted of it; what lies beyond such a part is looked at again when it is its turn.
  const cut = found.length >= want ? found.slice(0, want) : found
  const last = cut.at(-1)
  const stopped = cut.length >= want && last !== undefined
  const edge = parts.at(-1)?.part ?? 0
  if (given.order === 'newest') {
    window.end = stopped ? last : whole ? Math.min(window.end, edge * PART_SIZE) : window.start
    return { indexes: cut, position: window.end, parts: parts.length }
  }
  window.start = stopped ? last + 1 : whole ? Math.max(window.start, (edge + 1) * PART_SIZE) : window.end
  return { indexes: cut, position: window.start, parts: parts.length }
}

/** The statement that looks into `parts`, in the order of the scan. */
export function partsStatement(given: Scan, window: Window, parts: readonly TimedPart[]): string {
  return parts.flatMap((timed) => armsOf(given, window, timed)).join('\nUNION ALL\n')
}

function armsOf(given: Scan, window: Window, { part, range, far }: TimedPart): string[] {
  const onlyFar = `terms @> '{${given.terms.clear(FAR)}}'`
  if (given.open.has(part)) return [rangeArm(given, part, window, range === null ? [onlyFar] : [])]
  if (range === null) return [invertedArm(given, part, window, [onlyFar])]
  if (given.plan.conditions.length > 0) return [invertedArm(given, part, window)]
  const near = rangeArm(given, part, {
    start: Math.max(window.start, range.start),
    end: Math.min(window.end, range.end),
  })
  return far ? [near, invertedArm(given, part, window, [onlyFar])] : [near]
}

/** By the primary key, row by row, in order, until there are enough. */
function rangeArm(given: Scan, part: number, { start, end }: Window, more: readonly string[] = []): string {
  const range = [`log_id = ${given.logId}`, `index >= ${start}`, `index < ${end}`]
  const where = [...range, ...rowConditions(given.plan, given.terms), ...timeConditions(given), ...more].join(
    ' AND ',
  )
  return `(SELECT index FROM ${tableOf(given.logId, part)} WHERE ${where} ${orderOf(given)})`
}

/**
 * By the inverted index: materialised, and without the columns of the primary key, so that the planner can neither walk that
 * one hoping to meet a match soon nor read all of it to intersect the two (2 ms instead of 0.1, measured).
 */
function invertedArm(
  given: Scan,
  part: number,
  { start, end }: Window,
  more: readonly string[] = [],
): string {
  const where = [...termConditions(given.plan, given.terms), ...timeConditions(given), ...more].join(' AND ')
  return `(WITH m AS MATERIALIZED (SELECT index FROM ${tableOf(given.logId, part)} WHERE ${where})
    SELECT index FROM m WHERE index >= ${start} AND index < ${end} ${orderOf(given)})`
}

function orderOf({ order, want }: Scan): string {
  return `ORDER BY index ${order === 'newest' ? 'DESC' : 'ASC'} LIMIT ${want()}`
}

function timeConditions({ plan }: Scan): string[] {
  const millis = millisWithin(plan)
  return millis === undefined ? [] : [`time >= ${millis.low} AND time <= ${millis.high}`]
}

/** Ordered here: the order of UNION ALL is nobody's promise. */
async function run({ sql, order }: Scan, statement: string): Promise<number[]> {
  const rows = (await sql.unsafe(statement)) as unknown as { index: number }[]
  const indexes = [...new Set(rows.map(({ index }) => index))]
  return indexes.sort((a, b) => (order === 'newest' ? b - a : a - b))
}

function nextParts(
  { start, end }: Window,
  order: Scan['order'],
  timed: readonly TimedPart[] | undefined,
  count: number,
): TimedPart[] {
  const [first, last] = [partOf(start), partOf(end - 1)]
  if (timed !== undefined) {
    const within = timed.filter(({ part }) => part >= first && part <= last)
    return (order === 'newest' ? within.toReversed() : within).slice(0, count)
  }
  return Array.from({ length: Math.min(count, last - first + 1) }, (_, i) => {
    const part = order === 'newest' ? last - i : first + i
    return { part, range: { start: part * PART_SIZE, end: (part + 1) * PART_SIZE }, far: false }
  })
}
