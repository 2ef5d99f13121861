// Erasure of a subject: asked for by one person, approved by another, carried out, and said in the log. Each step is a state in
// the database, and every step may be run again: after a crash `resume` finishes what was approved.
import { randomBytes } from 'node:crypto'
import type { Database } from '../../db/connect.ts'
import type { Log } from '../../log/types.ts'
import { AuditError } from '../event/errors.ts'
import { available } from './available.ts'
import { announce } from './erasure-entry.ts'
import { type Erasure, type ErasureRow, erasureOf, erasureRows } from './erasure-rows.ts'
import { checkRequest, checkSecondPerson, type ErasureRequest, type Person } from './erasure-rules.ts'
import { findSubject, refuseHeld } from './holds.ts'
import { type Companion, type ForgetDerived, shred } from './shred.ts'
import type { OpenVault } from './vault.ts'

export type { Erasure, ErasureRequest, ForgetDerived, Person }

export interface ErasureOptions {
  readonly db: Database
  readonly vault: OpenVault
  /** The log that entries about erasures in this one go to: usually itself. */
  readonly logOf: (logId: number) => Promise<Log>
  readonly forgetDerived: ForgetDerived
  /** Subjects that are destroyed with whoever is erased from a log: what was said elsewhere about its people. */
  readonly companionsOf?: (logId: number) => Promise<readonly Companion[]>
  /** Further conditions for an approval, beyond a second person; refuses by throwing. */
  readonly mayApprove?: (erasure: Erasure, by: Person) => Promise<void> | void
  /** Told by `resume` what stays undone, and why. */
  readonly report: (error: unknown) => void
}

export interface Erasures {
  /** Changes nothing yet. @throws AuditError `subject_not_found`, `erasure_conflict` when one is open, `invalid_event`, `vault_unavailable` */
  request(logId: number, request: ErasureRequest): Promise<Erasure>
  /**
   * Destroys what there is of the subject and appends the entry about it. Approving again goes on where it stopped.
   * @throws AuditError `erasure_not_found`, `erasure_conflict`, `same_person`, `subject_held`, `vault_unavailable`; LogError as
   * Log.append, after everything is destroyed: approve again, or let `resume` do it
   */
  approve(logId: number, id: string, by: Person): Promise<Erasure>
  /** Of what nobody has approved. @throws AuditError `erasure_not_found`, `erasure_conflict`, `vault_unavailable` */
  reject(logId: number, id: string, by: Person, reason?: string): Promise<Erasure>
  /** Oldest first. @throws AuditError `vault_unavailable` */
  list(logId: number): Promise<Erasure[]>
  /** @throws AuditError `erasure_not_found`, `vault_unavailable` */
  get(logId: number, id: string): Promise<Erasure>
  /** Finishes what was approved, in all logs; what a hold covers meanwhile waits. Resolves to how many are done now. */
  resume(): Promise<number>
}

export function createErasures(options: ErasureOptions): Erasures {
  const { db, vault } = options
  const rows = erasureRows(db)

  async function carryOut(row: ErasureRow): Promise<void> {
    const companions = (await options.companionsOf?.(row.logId)) ?? []
    await available(() => shred(db.sql, vault.subjects, row, options.forgetDerived, companions))
    await announce(options, await rows.read(row.logId, row.id))
  }

  return {
    async request(logId, request) {
      checkRequest(request)
      const { subjectId, ref, kind } = await findSubject(vault.subjects, logId, request.subject)
      const id = randomBytes(16).toString('hex')
      const { basis, ticket, by } = request
      const row = { id, logId, subjectId, ref, kind, basis, ticket: ticket ?? null }
      await rows.add({ ...row, requestedBy: by.id, requesterMadeBy: by.createdBy ?? null })
      return erasureOf(await rows.read(logId, id))
    },
    async approve(logId, id, by) {
      const row = await rows.read(logId, id)
      if (row.state === 'pending') {
        checkSecondPerson(row, by)
        await options.mayApprove?.(erasureOf(row), by)
        await refuseHeld(db.sql, logId, row.subjectId)
        await rows.decide(id, { state: 'approved', decidedBy: by.id })
      }
      const decided = await rows.read(logId, id)
      if (decided.state === 'rejected') throw conflict(decided)
      if (decided.state !== 'done') await carryOut(decided)
      return erasureOf(await rows.read(logId, id))
    },
    async reject(logId, id, by, reason) {
      await rows.read(logId, id)
      const mine = await rows.decide(id, { state: 'rejected', decidedBy: by.id, reason: reason ?? null })
      const row = await rows.read(logId, id)
      if (!mine && row.state !== 'rejected') throw conflict(row)
      return erasureOf(row)
    },
    list: async (logId) => (await rows.list(logId)).map(erasureOf),
    get: async (logId, id) => erasureOf(await rows.read(logId, id)),
    async resume() {
      let done = 0
      for (const row of await rows.unfinished()) {
        try {
          await carryOut(row)
          done++
        } catch (error) {
          options.report(error)
        }
      }
      return done
    },
  }
}

function conflict({ state }: ErasureRow): AuditError {
  const what =
    state === 'rejected' ? 'was rejected: request a new one' : `is ${state}: it cannot be rejected any more`
  return new AuditError('erasure_conflict', `this erasure ${what}`, { state })
}
