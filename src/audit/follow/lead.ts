// One process at a time follows for all: a session-level advisory lock on a connection of its own. Losing the connection loses
// the lock; what a former leader still writes fails on the cursor's compare-and-swap.
import type { Sql } from '../../db/connect.ts'

/** Asking again while holding the lock does not stack it, and notices when it was lost. */
export async function tryToLead(sql: Sql, name: string, logId: number): Promise<boolean> {
  const lockClass = classOf(name)
  const [row] = await sql<{ leads: boolean }[]>`
    SELECT CASE WHEN EXISTS (
      SELECT FROM pg_locks
      WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = ${lockClass} AND objid = ${logId} AND objsubid = 2
    ) THEN true ELSE pg_try_advisory_lock(${lockClass}, ${logId}) END AS leads`
  return row?.leads === true
}

export async function stopLeading(sql: Sql, name: string, logId: number): Promise<void> {
  await sql`SELECT pg_advisory_unlock(${classOf(name)}, ${logId})`
}

/** First half of the lock's key, by FNV-1a: positive, and apart from the engine's, which are ASCII ("lead", "chck"). */
function classOf(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return (hash & 0x1fffffff) | 0x10 // below "0…" in ASCII
}
