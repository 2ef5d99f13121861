// Erasure. In its own transaction all personal terms of the rows concerned are gone; those of other people in the same events
// are put back afterwards, from what the vault still opens, and the tables rewritten, so that no page keeps what they were.
import type { Database, Transaction } from '../../db/connect.ts'
import { holdEpoch, nextEpoch } from '../follow/cursor.ts'
import { readEvents } from '../follow/read-events.ts'
import { fieldsOf } from './keys.ts'
import { existingParts, partOf, tableOf } from './parts.ts'
import { type Projection, project, SEARCH } from './projection.ts'

/** Rows put back in one transaction. */
const AT_ONCE = 512

/**
 * For the transaction of an erasure: removes every personal term of these rows. What was read of them before and is not
 * written yet never will be: the follower reads again, after the erasure.
 */
export async function forgetTerms(tx: Transaction, logId: number, indexes: readonly number[]): Promise<void> {
  const { epoch } = await nextEpoch(tx, SEARCH, logId)
  for (const part of await existingParts(tx, logId, [...new Set(indexes.map(partOf))])) {
    const here = indexes.filter((index) => partOf(index) === part)
    // Its lock comes before those of the table, as wherever a table is dropped or gets an index.
    await tx`UPDATE search.parts SET erased = ${epoch + 1} WHERE log_id = ${logId} AND part = ${part}`
    // Ascending as they are, personal terms come first.
    await tx.unsafe(
      `UPDATE ${tableOf(logId, part)} SET terms = ARRAY(SELECT t FROM unnest(terms) WITH ORDINALITY AS u(t, i) WHERE t >= 0 ORDER BY i)
       WHERE log_id = ${logId} AND index = ANY($1::bigint[])`,
      [`{${here.join(',')}}`],
    )
    await tx`
      INSERT INTO search.refresh (log_id, index) SELECT ${logId}, unnest(${here}::bigint[]) ON CONFLICT DO NOTHING`
  }
}

/** Puts back what was not erased. @throws CursorMoved when the next erasure came between: try again */
export async function refreshErased(db: Database, projection: Projection, epoch: number): Promise<void> {
  const { log, vault, onDamage } = projection
  const logId = log.info.id
  for (;;) {
    const waiting = await db.sql<{ index: number }[]>`
      SELECT index FROM search.refresh WHERE log_id = ${logId} ORDER BY index LIMIT ${AT_ONCE}`
    if (waiting.length === 0) return
    const indexes = waiting.map(({ index }) => index)
    const events = await readEvents(log, vault, indexes, onDamage)
    const rows = await project(projection, [
      events.map(({ index, envelope, disclosures }) => ({
        index,
        envelope,
        fields: fieldsOf(envelope, disclosures),
      })),
    ])
    await db.sql.begin(async (tx) => {
      await holdEpoch(tx, SEARCH, logId, epoch)
      const there = new Set(await existingParts(tx, logId, [...new Set(indexes.map(partOf))]))
      for (const { index, terms } of rows.filter((row) => there.has(partOf(row.index)))) {
        await tx.unsafe(
          `UPDATE ${tableOf(logId, partOf(index))} SET terms = $1::int[] WHERE log_id = ${logId} AND index = ${index}`,
          [`{${terms.join(',')}}`],
        )
      }
      await tx`DELETE FROM search.refresh WHERE log_id = ${logId} AND index = ANY(${indexes}::bigint[])`
    })
  }
}

/** Deleting a row leaves its bytes in the file; VACUUM FULL writes a new one. Searches of a part wait a second for it. */
export async function rewriteErased({ sql }: Database, logId: number): Promise<void> {
  const parts = await sql<{ part: number; erased: number }[]>`
    SELECT part, erased FROM search.parts WHERE log_id = ${logId} AND erased IS NOT NULL AND NOT stale ORDER BY part`
  for (const { part, erased } of parts) {
    await sql.unsafe(`VACUUM (FULL) ${tableOf(logId, part)}`)
    await sql`
      UPDATE search.parts SET erased = NULL WHERE log_id = ${logId} AND part = ${part} AND erased = ${erased}`
  }
}
