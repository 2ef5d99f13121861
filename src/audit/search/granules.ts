// Of each 8,192 indexes the bounds of the times, so that a search by time looks only where it can find something; and how many
// entries are events, so that a missing row is noticed.
import type { Sql, Transaction } from '../../db/connect.ts'
import { PART_SIZE } from './parts.ts'
import type { Row } from './rows.ts'

export const GRANULE_SIZE = 8_192

interface Granule {
  readonly granule: number
  events: number
  plain: number
  low: number | null
  high: number | null
  farLow: number | null
  farHigh: number | null
}

/** Adds what was indexed from `start` to `end`. */
export async function addToGranules(
  tx: Transaction,
  logId: number,
  start: number,
  end: number,
  rows: readonly Row[],
): Promise<void> {
  const granules = Array.from(granulesOf(start, end, rows).values())
  const column = (of: (granule: Granule) => number | null): string =>
    `{${granules.map((granule) => of(granule) ?? 'NULL').join(',')}}`
  await tx`
    INSERT INTO search.granules AS g (log_id, granule, events, plain, low, high, far_low, far_high)
    SELECT ${logId}, n.* FROM unnest(
      ${column((g) => g.granule)}::int[], ${column((g) => g.events)}::int[], ${column((g) => g.plain)}::int[],
      ${column((g) => g.low)}::bigint[], ${column((g) => g.high)}::bigint[],
      ${column((g) => g.farLow)}::bigint[], ${column((g) => g.farHigh)}::bigint[]
    ) AS n
    ON CONFLICT (log_id, granule) DO UPDATE SET
      events = g.events + excluded.events, plain = g.plain + excluded.plain,
      low = least(g.low, excluded.low), high = greatest(g.high, excluded.high),
      far_low = least(g.far_low, excluded.far_low), far_high = greatest(g.far_high, excluded.far_high)`
}

function granulesOf(start: number, end: number, rows: readonly Row[]): Map<number, Granule> {
  const granules = new Map<number, Granule>()
  for (let granule = granuleOf(start); granule * GRANULE_SIZE < end; granule++) {
    const from = Math.max(start, granule * GRANULE_SIZE)
    const to = Math.min(end, (granule + 1) * GRANULE_SIZE)
    // Until events are counted, all are none.
    granules.set(granule, {
      granule,
      events: 0,
      plain: to - from,
      low: null,
      high: null,
      farLow: null,
      farHigh: null,
    })
  }
  for (const { index, time, far } of rows) {
    const granule = granules.get(granuleOf(index))
    if (granule === undefined) throw new RangeError(`row ${index} is not within ${start} to ${end}`)
    granule.events++
    granule.plain--
    const [low, high] = far ? (['farLow', 'farHigh'] as const) : (['low', 'high'] as const)
    granule[low] = Math.min(granule[low] ?? time, time)
    granule[high] = Math.max(granule[high] ?? time, time)
  }
  return granules
}

function granuleOf(index: number): number {
  return Math.floor(index / GRANULE_SIZE)
}

/** A part in which something may have happened in a time. */
export interface TimedPart {
  readonly part: number
  /** Bounds, in indexes, of the granules with times that may match; null when only events dated far off may. */
  readonly range: { readonly start: number; readonly end: number } | null
  /** Events dated far off may match. */
  readonly far: boolean
}

/** Parts with times from `low` to `high` (POSIX milliseconds, inclusive), ascending. */
export async function partsWithin(sql: Sql, logId: number, low: number, high: number): Promise<TimedPart[]> {
  const rows = await sql<{ part: number; first: number | null; last: number | null; far: boolean }[]>`
    SELECT granule / ${PART_SIZE / GRANULE_SIZE}::int AS part, min(granule) FILTER (WHERE near) AS first,
      max(granule) FILTER (WHERE near) AS last, bool_or(far) AS far
    FROM (
      SELECT granule, coalesce(low <= ${high} AND high >= ${low}, false) AS near,
        coalesce(far_low <= ${high} AND far_high >= ${low}, false) AS far
      FROM search.granules WHERE log_id = ${logId}
    ) g WHERE near OR far GROUP BY 1 ORDER BY 1`
  return rows.map(({ part, first, last, far }) => ({
    part,
    range:
      first === null || last === null
        ? null
        : { start: first * GRANULE_SIZE, end: (last + 1) * GRANULE_SIZE },
    far,
  }))
}
