// Partitions of search.events: 65,536 indexes of a log each. The newest one has no inverted index and is read whole, 16 ms at
// most; a full one gets its index in one go. Measured with fsync on (2 cores, 25 terms a row): rows into a GIN index one batch
// after the other 7,400/s, with its pending list 25,000/s and falling; COPY without it 90,000/s, and 14 µs a row to build it
// afterwards. Looking into a full partition costs 13 µs when nothing is there, so 76 of them (5 million events) a millisecond.
import type { Database, Sql, Transaction } from '../../db/connect.ts'

export const PART_SIZE = 65_536

/** Who owns what is made: whoever else connects could not drop it. */
const OWNER = 'prooflog_service'
/** Enough for a part; with 64 kB the build takes six times as long. */
const BUILD_MEMORY = '64MB'
/** Tables dropped in one transaction: each holds some locks until its end. */
const DROPS = 16

export function partOf(index: number): number {
  return Math.floor(index / PART_SIZE)
}

/** Safe in a statement: it is made of two whole numbers. */
export function tableOf(logId: number, part: number): string {
  return `search.${nameOf(logId, part)}`
}

function nameOf(logId: number, part: number): string {
  if (!Number.isSafeInteger(logId) || !Number.isSafeInteger(part) || logId < 0 || part < 0)
    throw new RangeError(`${logId}, ${part}: no part of a log`)
  return `events_${logId}_${part}`
}

/** Makes the partition, anew when the one that is there is of before a rebuild. */
export async function ensurePart({ sql }: Database, logId: number, part: number): Promise<void> {
  const [known] = await sql<{ stale: boolean }[]>`
    SELECT stale FROM search.parts WHERE log_id = ${logId} AND part = ${part}`
  if (known?.stale === false) return
  await sql.begin(async (tx) => {
    await tx.unsafe(`SET LOCAL ROLE ${OWNER}`)
    await tx`INSERT INTO search.parts (log_id, part) VALUES (${logId}, ${part}) ON CONFLICT DO NOTHING`
    const [row] = await tx<{ stale: boolean }[]>`
      SELECT stale FROM search.parts WHERE log_id = ${logId} AND part = ${part} FOR UPDATE`
    if (row?.stale === true) await tx.unsafe(`DROP TABLE IF EXISTS ${tableOf(logId, part)}`)
    await tx.unsafe(`
      CREATE TABLE IF NOT EXISTS ${tableOf(logId, part)} PARTITION OF search.events
      FOR VALUES FROM (${logId}, ${part * PART_SIZE}) TO (${logId}, ${(part + 1) * PART_SIZE})`)
    // The planner's samples would outlive what is erased; how rows are found does not depend on them (scan.ts).
    await tx.unsafe(`ALTER TABLE ${tableOf(logId, part)} ALTER COLUMN terms SET STATISTICS 0`)
    await tx`UPDATE search.parts SET stale = false, inverted = false, erased = NULL WHERE log_id = ${logId} AND part = ${part}`
  })
}

/** Builds the inverted indexes of parts that are full and have none. Searches go on meanwhile, and so does the follower. */
export async function invertFullParts({ sql }: Database, logId: number, next: number): Promise<void> {
  const parts = await sql<{ part: number }[]>`
    SELECT part FROM search.parts WHERE log_id = ${logId} AND part < ${partOf(next)} AND NOT inverted AND NOT stale ORDER BY part`
  for (const { part } of parts) {
    await sql.begin(async (tx) => {
      await tx.unsafe(`SET LOCAL ROLE ${OWNER}`)
      const rows = await tx`
        SELECT FROM search.parts WHERE log_id = ${logId} AND part = ${part} AND NOT inverted AND NOT stale FOR UPDATE`
      if (rows.length === 0) return
      await tx.unsafe(`SET LOCAL maintenance_work_mem = '${BUILD_MEMORY}'`)
      // Nothing is added any more; erasures rewrite rows, and those should be found at once.
      await tx.unsafe(
        `CREATE INDEX IF NOT EXISTS ${nameOf(logId, part)}_terms ON ${tableOf(logId, part)} USING gin (terms) WITH (fastupdate = off)`,
      )
      await tx`UPDATE search.parts SET inverted = true WHERE log_id = ${logId} AND part = ${part}`
    })
  }
}

/** For a rebuild: nobody looks into them any more. {@link dropStaleParts} removes them, or the follower when it gets there. */
export async function markStale(tx: Transaction, logId: number): Promise<void> {
  await tx`UPDATE search.parts SET stale = true WHERE log_id = ${logId}`
}

export async function dropStaleParts({ sql }: Database, logId: number): Promise<void> {
  for (;;) {
    const dropped = await sql.begin((tx) => dropSome(tx, logId))
    if (dropped < DROPS) return
  }
}

async function dropSome(tx: Transaction, logId: number): Promise<number> {
  await tx.unsafe(`SET LOCAL ROLE ${OWNER}`)
  const parts = await tx<{ part: number }[]>`
    SELECT part FROM search.parts WHERE log_id = ${logId} AND stale ORDER BY part LIMIT ${DROPS} FOR UPDATE`
  for (const { part } of parts) {
    await tx.unsafe(`DROP TABLE IF EXISTS ${tableOf(logId, part)}`)
    await tx`DELETE FROM search.parts WHERE log_id = ${logId} AND part = ${part}`
  }
  return parts.length
}

/** Those among `parts` that are there. */
export async function existingParts(
  sql: Sql | Transaction,
  logId: number,
  parts: readonly number[],
): Promise<number[]> {
  const rows = await sql<{ part: number }[]>`
    SELECT part FROM search.parts WHERE log_id = ${logId} AND part = ANY(${parts}::int[]) ORDER BY part`
  return rows.map(({ part }) => part)
}
