import type { Database } from '../../db/connect.ts'
import { nextEpoch } from '../follow/cursor.ts'
import { dropStaleParts, markStale } from './parts.ts'
import { SEARCH } from './projection.ts'

/** Sends the follower back to the beginning; what it had written is out of sight at once, and dropped. */
export async function rebuild(db: Database, logId: number): Promise<void> {
  await db.sql.begin(async (tx) => {
    const { next } = await nextEpoch(tx, SEARCH, logId, { back: true })
    await tx`
      INSERT INTO search.rebuilds AS r (log_id, until) VALUES (${logId}, ${next})
      ON CONFLICT (log_id) DO UPDATE SET until = greatest(r.until, excluded.until)`
    await markStale(tx, logId)
    await tx`DELETE FROM search.granules WHERE log_id = ${logId}`
    await tx`DELETE FROM search.refresh WHERE log_id = ${logId}`
  })
  await dropStaleParts(db, logId)
}
