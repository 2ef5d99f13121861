// Erasures as they are stored, and as they are told to callers.
import { and, asc, eq, inArray, sql as raw } from 'drizzle-orm'
import type { Database } from '../../db/connect.ts'
import { sqlState, UNIQUE_VIOLATION } from '../../store/errors.ts'
import { AuditError } from '../event/errors.ts'
import { available } from './available.ts'
import type { Range } from './ranges.ts'
import { erasures } from './tables.ts'

export type ErasureRow = typeof erasures.$inferSelect

/** Ids are those of principals. What is null has not happened yet. */
export interface Erasure extends Pick<
  ErasureRow,
  | 'id'
  | 'ref'
  | 'kind'
  | 'state'
  | 'basis'
  | 'ticket'
  | 'requestedBy'
  | 'requestedAt'
  | 'decidedBy'
  | 'decidedAt'
  | 'reason'
  | 'entries'
  | 'fields'
  | 'index'
  | 'doneAt'
> {
  /** Of the entries whose fields were destroyed; too many are given as fewer and wider ones. */
  readonly ranges: readonly Range[] | null
}

export function erasureOf(row: ErasureRow): Erasure {
  const { logId: _, subjectId: __, requesterMadeBy: ___, ranges, ...rest } = row
  return { ...rest, ranges: ranges === null ? null : pairs(ranges) }
}

function pairs(flat: readonly number[]): Range[] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] ?? 0, flat[2 * i + 1] ?? 0])
}

export interface ErasureRows {
  /** @throws AuditError `erasure_conflict`: a subject has one open erasure at a time */
  add(row: typeof erasures.$inferInsert): Promise<void>
  /** @throws AuditError `erasure_not_found` */
  read(logId: number, id: string): Promise<ErasureRow>
  /** From pending to what is given; false when somebody else decided meanwhile. */
  decide(id: string, set: Partial<ErasureRow>): Promise<boolean>
  /** Oldest first. */
  list(logId: number): Promise<ErasureRow[]>
  /** Approved and not yet said in the log, of all logs. */
  unfinished(): Promise<ErasureRow[]>
}

/** Each throws AuditError `vault_unavailable` beside. */
export function erasureRows({ orm }: Database): ErasureRows {
  return {
    add: (row) => openOnce(() => orm.insert(erasures).values(row)),
    async read(logId, id) {
      const own = and(eq(erasures.id, id), eq(erasures.logId, logId))
      const [row] = await available(() => orm.select().from(erasures).where(own))
      if (row !== undefined) return row
      throw new AuditError('erasure_not_found', 'this log has no erasure with this id')
    },
    async decide(id, set) {
      const open = and(eq(erasures.id, id), eq(erasures.state, 'pending'))
      const decided = await available(() =>
        orm
          .update(erasures)
          .set({ ...set, decidedAt: raw`now()` })
          .where(open)
          .returning({ id: erasures.id }),
      )
      return decided.length === 1
    },
    list: (logId) =>
      available(() =>
        orm
          .select()
          .from(erasures)
          .where(eq(erasures.logId, logId))
          .orderBy(asc(erasures.requestedAt), asc(erasures.id)),
      ),
    unfinished: () =>
      available(() =>
        orm
          .select()
          .from(erasures)
          .where(inArray(erasures.state, ['approved', 'shredded'])),
      ),
  }
}

async function openOnce(insert: () => PromiseLike<unknown>): Promise<void> {
  try {
    await available(insert)
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (sqlState(cause) !== UNIQUE_VIOLATION) throw error
    throw new AuditError(
      'erasure_conflict',
      'an erasure of this subject is open already: approve or reject that one',
    )
  }
}
