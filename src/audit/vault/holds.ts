// Legal holds: while one covers a subject, or the whole log, nobody's fields are erased. The database refuses it as well.
import { randomBytes } from 'node:crypto'
import { and, asc, eq, isNull, sql as raw } from 'drizzle-orm'
import type { Database, Sql, Transaction } from '../../db/connect.ts'
import { AuditError } from '../event/errors.ts'
import type { Subject } from '../event/types.ts'
import { available } from './available.ts'
import type { Subjects } from './subjects.ts'
import { holds } from './tables.ts'

export interface Hold {
  readonly id: string
  /** Of the subject; null for the whole log. */
  readonly ref: string | null
  readonly reason: string
  /** Id of a principal. */
  readonly placedBy: string
  readonly placedAt: Date
  readonly releasedBy: string | null
  readonly releasedAt: Date | null
}

export interface PlacedHold extends Hold {
  /** It was there before. */
  readonly again: boolean
}

export interface Holds {
  /**
   * On a subject that the log knows, by its identifier or its ref, or on the whole log. An erasure that was begun is finished
   * before it resolves. Whoever places the same again, for the same reason, gets the hold that is there until it is released: a
   * caller that was not told of the commit tries again.
   * @param request.by id of the principal
   * @throws AuditError `subject_not_found`, `vault_unavailable`
   */
  place(
    logId: number,
    request: { readonly subject?: SubjectName | undefined; readonly reason: string; readonly by: string },
  ): Promise<PlacedHold>
  /** Oldest first, released ones too. @throws AuditError `vault_unavailable` */
  list(logId: number): Promise<Hold[]>
  /** Releasing twice keeps the first time. @throws AuditError `hold_not_found`, `vault_unavailable` */
  release(logId: number, id: string, by: string): Promise<Hold>
}

/** A subject by what the senders call it, or by its random name in leaves. */
export type SubjectName = Subject | { readonly ref: string }

/** First half of an advisory lock's key, "hold"; the second is the log. Held while a hold is placed and while a key is destroyed. */
const LOCK_CLASS = 0x686f6c64

export function createHolds({ db: { sql, orm }, subjects }: { db: Database; subjects: Subjects }): Holds {
  return {
    async place(logId, { subject, reason, by }) {
      const found = subject === undefined ? undefined : await findSubject(subjects, logId, subject)
      const placed = await available(() =>
        sql.begin(async (tx) => {
          await lockHolds(tx, logId)
          const [same] = await tx<{ id: string }[]>`
            SELECT hold_id AS id FROM vault.holds
            WHERE log_id = ${logId} AND subject_id IS NOT DISTINCT FROM ${found?.subjectId ?? null}
              AND reason = ${reason} AND placed_by = ${by} AND released_at IS NULL
            ORDER BY placed_at LIMIT 1`
          if (same !== undefined) return { id: same.id, again: true }
          const id = randomBytes(16).toString('hex')
          const { count } = await tx`
            INSERT INTO vault.holds (hold_id, log_id, subject_id, ref, reason, placed_by)
            SELECT ${id}, ${logId}, ${found?.subjectId ?? null}, ${found?.ref ?? null}, ${reason}, ${by}
            WHERE ${found === undefined} OR EXISTS (
              SELECT FROM vault.subjects WHERE subject_id = ${found?.subjectId ?? null} AND lookup IS NOT NULL
            )`
          return count === 0 ? undefined : { id, again: false }
        }),
      )
      if (placed === undefined) throw unknownSubject() // erased while we waited
      const hold = one(await available(() => orm.select().from(holds).where(eq(holds.id, placed.id))))
      return { ...hold, again: placed.again }
    },
    async list(logId) {
      const rows = await available(() =>
        orm.select().from(holds).where(eq(holds.logId, logId)).orderBy(asc(holds.placedAt), asc(holds.id)),
      )
      return rows.map(holdOf)
    },
    async release(logId, id, by) {
      const own = and(eq(holds.id, id), eq(holds.logId, logId))
      await available(() =>
        orm
          .update(holds)
          .set({ releasedBy: by, releasedAt: raw`now()` })
          .where(and(own, isNull(holds.releasedAt))),
      )
      return one(await available(() => orm.select().from(holds).where(own)))
    },
  }
}

/** @throws AuditError `subject_not_found` */
export async function findSubject(subjects: Subjects, logId: number, name: SubjectName) {
  const found = 'ref' in name ? await subjects.findRef(logId, name.ref) : await subjects.find(logId, name)
  if (found !== undefined) return found
  throw unknownSubject()
}

function unknownSubject(): AuditError {
  return new AuditError(
    'subject_not_found',
    'this log knows nobody by this identifier, or has erased it: check kind and spelling, which must be those of the sender',
  )
}

/** Until the end of the transaction nobody places a hold on anything in the log. */
export async function lockHolds(tx: Transaction, logId: number): Promise<void> {
  await tx`SELECT pg_advisory_xact_lock(${LOCK_CLASS}, ${logId})`
}

/** @throws AuditError `subject_held` naming the hold */
export async function refuseHeld(sql: Sql | Transaction, logId: number, subjectId: number): Promise<void> {
  const [held] = await available(
    () => sql<{ id: string; ref: string | null }[]>`
      SELECT hold_id AS id, ref FROM vault.holds
      WHERE log_id = ${logId} AND (subject_id IS NULL OR subject_id = ${subjectId}) AND released_at IS NULL
      ORDER BY placed_at LIMIT 1`,
  )
  if (held === undefined) return
  const what = held.ref === null ? 'the whole log' : 'this subject'
  throw new AuditError(
    'subject_held',
    `a legal hold covers ${what}: release it first, or reject the erasure`,
    {
      hold: held.id,
    },
  )
}

function one(rows: readonly (typeof holds.$inferSelect)[]): Hold {
  const [row] = rows
  if (row === undefined) throw new AuditError('hold_not_found', 'this log has no hold with this id')
  return holdOf(row)
}

function holdOf({
  id,
  ref,
  reason,
  placedBy,
  placedAt,
  releasedBy,
  releasedAt,
}: typeof holds.$inferSelect): Hold {
  return { id, ref, reason, placedBy, placedAt, releasedBy, releasedAt }
}
