// Whether everything below the cursor is there: each index is a row, or was counted as an entry that is no event.
import type { Sql } from '../../db/connect.ts'
import { GRANULE_SIZE } from './granules.ts'
import { existingParts, PART_SIZE, partOf, tableOf } from './parts.ts'
import { readState } from './state.ts'

export interface Gaps {
  /** Rows that should be there and are not, or are there and should not. */
  readonly missing: number
  /** First indexes of the 8,192 among which they are, ascending; the first 100. */
  readonly at: readonly number[]
}

const MOST = 100

/** Counts every row of the log: seconds for millions. */
export async function gapsOf(sql: Sql, logId: number): Promise<Gaps> {
  const { next } = await readState(sql, logId)
  const at: number[] = []
  let missing = 0
  for (let part = 0; part * PART_SIZE < next; part++) {
    for (const { start, wrong } of await gapsOfPart(
      sql,
      logId,
      part,
      Math.min(next, (part + 1) * PART_SIZE),
    )) {
      missing += wrong
      if (at.length < MOST) at.push(start)
    }
  }
  return { missing, at }
}

async function gapsOfPart(
  sql: Sql,
  logId: number,
  part: number,
  end: number,
): Promise<{ start: number; wrong: number }[]> {
  const first = (part * PART_SIZE) / GRANULE_SIZE
  const counted = await sql<{ granule: number; events: number; plain: number }[]>`
    SELECT granule, events, plain FROM search.granules
    WHERE log_id = ${logId} AND granule >= ${first} AND granule < ${first + PART_SIZE / GRANULE_SIZE}`
  const there = await existingParts(sql, logId, [part])
  const rows =
    there.length === 0
      ? []
      : ((await sql.unsafe(
          `SELECT (index / ${GRANULE_SIZE})::int AS granule, count(*)::int AS rows FROM ${tableOf(logId, partOf(part * PART_SIZE))}
           WHERE log_id = ${logId} AND index < ${end} GROUP BY 1`,
        )) as unknown as { granule: number; rows: number }[])
  const gaps: { start: number; wrong: number }[] = []
  for (let granule = first; granule * GRANULE_SIZE < end; granule++) {
    const start = granule * GRANULE_SIZE
    const plain = counted.find((one) => one.granule === granule)?.plain ?? 0
    const present = rows.find((one) => one.granule === granule)?.rows ?? 0
    const wrong = Math.abs(Math.min(end, start + GRANULE_SIZE) - start - plain - present)
    if (wrong > 0) gaps.push({ start, wrong })
  }
  return gaps
}
