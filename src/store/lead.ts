// Who publishes a log: a session-level advisory lock on a connection of its own. Losing the connection loses the lock; what
// a former leader still writes fails on the primary key of log.checkpoints.
import type { Sql } from '../db/connect.ts'
import { guarded } from './errors.ts'

/** First half of the advisory lock's key: "lead", of the publisher, and "chck", of the self-check. */
const PUBLISHING = 0x6c656164
export const CHECKING = 0x6368636b

/** See LogStore.lead. Asking again while holding the lock does not stack it, and notices when it was lost. */
export async function tryLead(sql: Sql, logId: number, lockClass = PUBLISHING): Promise<boolean> {
  const [row] = await guarded(
    () => sql<{ leads: boolean }[]>`
      SELECT CASE WHEN EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND classid = ${lockClass} AND objid = ${logId} AND objsubid = 2
      ) THEN true ELSE pg_try_advisory_lock(${lockClass}, ${logId}) END AS leads`,
  )
  return row?.leads === true
}

/** See LogStore.unlead. */
export async function giveUpLead(sql: Sql, logId: number): Promise<void> {
  await guarded(() => sql`SELECT pg_advisory_unlock(${PUBLISHING}, ${logId})`)
}
