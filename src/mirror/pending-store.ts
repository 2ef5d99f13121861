// The pending checkpoint of each copy: the newest one of its log that was proven to continue all before it.
import type { Database } from '../db/connect.ts'
import type { Head } from '../log/types.ts'

/** A checkpoint; `note` holds the log's signatures that were verified, and no others. */
export interface Pending extends Head {
  readonly note: Uint8Array
}

export interface PendingStore {
  /** Undefined before the first. */
  read(logId: number): Promise<Pending | undefined>
  /**
   * Compare-and-swap, durable when it resolves to true: MUST change nothing and resolve to false unless the stored size still
   * is `from` (undefined: there is none).
   */
  move(logId: number, from: number | undefined, to: Pending): Promise<boolean>
}

/** On Postgres (drizzle/0005_mirror.sql). */
export function createPendingStore({ sql }: Database): PendingStore {
  return {
    async read(logId) {
      const [row] = await sql<Pending[]>`SELECT size, root, note FROM mirror.pending WHERE log_id = ${logId}`
      return row
    },
    async move(logId, from, { size, root, note }) {
      const { count } =
        from === undefined
          ? await sql`
              INSERT INTO mirror.pending (log_id, size, root, note) VALUES (${logId}, ${size}, ${root}, ${note})
              ON CONFLICT DO NOTHING`
          : await sql`
              UPDATE mirror.pending SET size = ${size}, root = ${root}, note = ${note}
              WHERE log_id = ${logId} AND size = ${from}`
      return count === 1
    },
  }
}
