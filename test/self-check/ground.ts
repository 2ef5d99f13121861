// A log with checkpoints, its database, and a connection of a superuser on which a test tampers and checks in one transaction
// that is rolled back.
import { join } from 'node:path'
import { connect, type Database } from '../../src/db/connect.ts'
import { createKeyFiles } from '../../src/keys/key-files.ts'
import type { LogInfo } from '../../src/log/types.ts'
import { type CheckedLog, checkWhole } from '../../src/self-check/check-all.ts'
import { identityOf } from '../../src/self-check/check-log-row.ts'
import type { Finding } from '../../src/self-check/finding.ts'
import { type CheckPorts, createLooker, type Looker } from '../../src/self-check/look.ts'
import { checkOrphans } from '../../src/self-check/orphans.ts'
import type { Remembered } from '../../src/self-check/ports.ts'
import { createScan } from '../../src/store/scan.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { appendTexts, publishAll, type TestEngine, testEngine, testFolder, texts } from '../support/engine.ts'

export interface Ground {
  readonly database: TestDatabase
  readonly engine: TestEngine
  /** Of keys and guard. */
  readonly folder: string
  readonly ports: CheckPorts
  readonly looker: Looker
  /** A superuser's one connection; what `check` reads is read on it. */
  readonly owner: Database
  readonly info: LogInfo
  /** What a checker remembers that has seen the log as it is now. */
  readonly remembered: ReadonlyMap<number, Remembered>
  /** A full pass over the log, and over rows that no log has. */
  check(): Promise<readonly Finding[]>
  stop(): Promise<void>
}

const BATCH = 4096

/** @param sizes of the checkpoints, growing; the last one is the size of the log */
export async function tamperGround(name: string, sizes: readonly number[]): Promise<Ground> {
  const database = await testDatabase()
  const { folder, remove } = testFolder()
  const engine = testEngine(database.url, { folder })
  await engine.engine.create({ name: 'another' })
  const info = await engine.engine.create({ name })
  const log = await engine.engine.open(name)
  let size = 0
  for (const next of sizes) {
    for (; size < next; size += Math.min(BATCH, next - size)) {
      await appendTexts(log, texts(Math.min(BATCH, next - size), `entry from ${size}`))
    }
    await publishAll(engine, log, [{ index: next - 1, leafHash: new Uint8Array(), duplicate: false }])
  }
  const owner = connect({
    url: database.ownerUrl,
    max: 1,
    settings: { idle_in_transaction_session_timeout: '0' },
  })
  const scan = createScan(owner)
  const ports = { scan, guard: engine.guard, keys: createKeyFiles(join(folder, 'keys')) }
  const looker = createLooker(ports, async () => {})
  const remembered = new Map<number, Remembered>()
  for (const one of await scan.logs()) {
    const state = await scan.state(one.id)
    const next = { entry: 0, seq: 0 }
    remembered.set(one.id, { identity: identityOf(one), size: state.head!.size, seq: state.newestSeq, next })
  }
  return {
    database,
    engine,
    folder,
    ports,
    looker,
    owner,
    info: (await scan.logs()).find((one) => one.id === info.id)!,
    remembered,
    async check() {
      const now = (await scan.logs()).find((one) => one.id === info.id) ?? info
      const checked: CheckedLog = await checkWhole(looker, now, { remembered })
      return [...checked.findings, ...(await checkOrphans(scan, remembered))]
    },
    async stop() {
      await owner.close()
      await engine.stop()
      await database.drop()
      remove()
    },
  }
}
