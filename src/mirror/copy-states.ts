// How far each copy is, for operators: three sizes that end up equal.
import type { Database } from '../db/connect.ts'

export interface CopyState {
  readonly origin: string
  /** Size of the newest checkpoint that the log proved to us. */
  readonly pending: number
  /** Entries stored. */
  readonly next: number
  /** Size up to which we have signed; null before the first time. */
  readonly mirrored: number | null
  /** POSIX milliseconds of that signature. */
  readonly signedAt: number | null
}

export async function readCopyStates({ sql }: Database): Promise<CopyState[]> {
  return sql<CopyState[]>`
    SELECT l.origin, coalesce(p.size, 0) AS pending, h.size AS next, c.size AS mirrored, c.signed_at AS "signedAt"
    FROM log.logs l JOIN log.heads h USING (log_id) LEFT JOIN mirror.pending p USING (log_id)
    LEFT JOIN LATERAL (
      SELECT size, signed_at FROM log.checkpoints c WHERE c.log_id = l.log_id ORDER BY seq DESC LIMIT 1
    ) c ON true
    WHERE l.mirrored ORDER BY l.origin`
}
