// The thread that indexes (index-thread.ts): an engine that only reads, the vault, and a follower for each log.
import { parentPort, workerData } from 'node:worker_threads'
import type { FollowObserver } from './audit/follow/observer.ts'
import { createVault } from './audit/vault/vault.ts'
import { codeOf } from './core/errors.ts'
import { installMlDsa } from './core/ml-dsa.ts'
import { connect, type Database } from './db/connect.ts'
import { indexLogs } from './index-logs.ts'
import { createEngine } from './log/logs.ts'
import { NO_OBSERVER } from './log/observer.ts'
import type { Guard, KeyRing } from './log/ports.ts'
import { installNodeCrypto } from './node-crypto.ts'
import { SERVICE_ROLE } from './open-database.ts'
import { createPostgresStore } from './store/store.ts'

export interface IndexRequest {
  readonly databaseUrl: string
  readonly vaultKeyFile: string
}

/** What the thread tells: measurements of its followers, and errors. */
export type IndexTold =
  | {
      readonly what: 'lag' | 'followed'
      readonly name: string
      readonly log: string
      readonly entries: number
      readonly seconds: number
    }
  | { readonly what: 'failed'; readonly name: string; readonly log: string }
  | {
      readonly what: 'report'
      readonly code: string
      readonly message: string
      readonly log: string | undefined
    }

/** How often the newest checkpoints are looked for besides being told of them; milliseconds. */
const LOOK_MS = 1_000
const DAY_MS = 86_400_000
const INDEX_CONNECTIONS = 3

/** Signs nothing. */
const NO_KEYS: KeyRing = { signers: async () => [], create: refuse, add: refuse }
const NO_GUARD: Guard = { read: refuse, move: refuse, halt: refuse }

function refuse(): never {
  throw new TypeError('the thread that indexes signs nothing')
}

function tell(told: IndexTold): void {
  parentPort?.postMessage(told)
}

const observer: FollowObserver = {
  lag: (name, log, entries, seconds) => tell({ what: 'lag', name, log, entries, seconds }),
  followed: (name, log, entries, seconds) => tell({ what: 'followed', name, log, entries, seconds }),
  failed(name, log, error) {
    tell({ what: 'failed', name, log })
    report(error, log)
  },
}

function report(error: unknown, log?: string): void {
  const code = codeOf(error)
  tell({ what: 'report', code, message: error instanceof Error ? error.message : String(error), log })
}

/** @returns what ends it */
async function run({ databaseUrl, vaultKeyFile }: IndexRequest): Promise<() => Promise<void>> {
  installNodeCrypto()
  installMlDsa()
  const pools: Database[] = []
  const open = (name: string, max: number): Database => {
    const pool = connect({ url: databaseUrl, role: SERVICE_ROLE, name: `prooflog ${name}`, max })
    pools.push(pool)
    return pool
  }
  const read = open('index read', 4)
  const store = createPostgresStore({ write: read, read, lead: read })
  const engine = createEngine(
    { store, guard: NO_GUARD, keys: NO_KEYS, clock: Date.now, observer: NO_OBSERVER, report },
    { publishInterval: LOOK_MS, heartbeat: DAY_MS, originPrefix: '' },
  )
  await engine.start()
  const vault = await createVault({ db: read, keyFile: vaultKeyFile })
  const stopIndexing = await indexLogs({
    logs: engine,
    vault,
    db: open('index', INDEX_CONNECTIONS),
    lead: open('index lead', 1),
    observer,
    report,
  })
  return async () => {
    await stopIndexing()
    await vault.close()
    await engine.stop()
    for (const pool of pools) await pool.close()
  }
}

const running = run(workerData as IndexRequest)
parentPort?.once('message', () => {
  void running.then((stop) => stop()).finally(() => parentPort?.close())
})
