// A vault beside a real log: engine, store and database as serve.ts puts them together.
import { join } from 'node:path'
import { DEFAULT_PRIVACY } from '../../../src/audit/event/privacy.ts'
import type { AuditEvent, Incoming, Subject } from '../../../src/audit/event/types.ts'
import { createRecorder } from '../../../src/audit/record/recorder.ts'
import { createSealer } from '../../../src/audit/record/sealer.ts'
import type { Recorder } from '../../../src/audit/record/types.ts'
import { createErasures, type Erasures, type ForgetDerived } from '../../../src/audit/vault/erasure.ts'
import { createHolds, type Holds } from '../../../src/audit/vault/holds.ts'
import { putSidecars } from '../../../src/audit/vault/sidecars.ts'
import { createVault, type OpenVault } from '../../../src/audit/vault/vault.ts'
import { connect, type Database } from '../../../src/db/connect.ts'
import type { Log } from '../../../src/log/types.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { type TestEngine, testEngine, testFolder } from '../../support/engine.ts'

export interface Ground {
  readonly database: TestDatabase
  readonly engine: TestEngine
  readonly log: Log
  readonly keyFile: string
  readonly folder: string
  /** Another process of the same service. */
  process(hooks?: Partial<Hooks>): Promise<Process>
  close(): Promise<void>
}

interface Hooks {
  readonly forgetDerived: ForgetDerived
  readonly log: Log
}

export interface Process {
  readonly db: Database
  readonly vault: OpenVault
  readonly recorder: Recorder
  readonly erasures: Erasures
  readonly holds: Holds
  /** What could not be resumed. */
  readonly reports: unknown[]
}

export const ALICE: Subject = { kind: 'actor', id: 'alice@example.com' }
export const REQUESTER = { id: 'key000000001' }
export const APPROVER = { id: 'key000000002' }

export async function vaultGround(options: { dedup?: boolean } = {}): Promise<Ground> {
  const database = await testDatabase()
  const { folder, remove } = testFolder()
  const engine = testEngine(database.url, { folder, putSidecars })
  await engine.engine.create({ name: 'audit', dedup: options.dedup ?? true })
  const log = await engine.engine.open('audit')
  const keyFile = join(folder, 'vault.key')
  const ends: (() => Promise<void>)[] = []
  return {
    database,
    engine,
    log,
    keyFile,
    folder,
    async process(hooks = {}) {
      const db = connect({ url: database.url, max: 4 })
      ends.unshift(() => db.close())
      const vault = await createVault({ db, keyFile })
      ends.unshift(() => vault.close())
      const reports: unknown[] = []
      const erasures = createErasures({
        db,
        vault,
        logOf: async () => hooks.log ?? log,
        forgetDerived: hooks.forgetDerived ?? (async () => {}),
        report: (error) => reports.push(error),
      })
      const recorder = createRecorder(
        createSealer({ vault, policyOf: () => DEFAULT_PRIVACY, clock: Date.now }),
      )
      return { db, vault, recorder, erasures, holds: createHolds({ db, subjects: vault.subjects }), reports }
    },
    async close() {
      for (const end of ends) await end()
      await engine.stop()
      await database.drop()
      remove()
    },
  }
}

/** What somebody did. */
export function incoming(id: string | undefined, more: Partial<AuditEvent> = {}): Incoming {
  return {
    kind: 'event',
    format: 'native',
    event: {
      ...(id === undefined ? {} : { id }),
      time: '2026-11-25T10:00:00Z',
      action: 'user.login',
      outcome: 'success',
      actor: { id: ALICE.id, type: 'user', name: 'Alice Example' },
      src: { ip: '192.0.2.7' },
      message: 'Alice Example came in',
      ...more,
    },
  }
}

/** Records, and requests and approves the erasure of a subject. */
export async function erase({ erasures }: Process, logId: number, subject: Subject = ALICE) {
  const { id } = await erasures.request(logId, {
    subject,
    basis: 'GDPR 17(1)(b)',
    ticket: 'T-1',
    by: REQUESTER,
  })
  return erasures.approve(logId, id, APPROVER)
}

/** Paths and values of the disclosures of entries. */
export async function openedFields(
  { vault }: Process,
  logId: number,
  entries: readonly { index: number; leafHash: Uint8Array }[],
): Promise<Record<string, unknown>[]> {
  const opened = await vault.open(logId, entries)
  return opened.map((disclosures) =>
    Object.fromEntries(
      disclosures.map((disclosure) => {
        const [, path, value] = JSON.parse(Buffer.from(disclosure, 'base64url').toString()) as [
          string,
          string,
          unknown,
        ]
        return [path, value]
      }),
    ),
  )
}
