// The composition root of a mirror: a service of its own, with keys, guard, data folder and database of its own.
import { hkdfSync } from 'node:crypto'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { ProoflogError } from './core/errors.ts'
import { parseSkey } from './core/keys.ts'
import { installMlDsa } from './core/ml-dsa.ts'
import { localSigner } from './core/signer.ts'
import { localSubtreeSigner } from './core/subtree-signature.ts'
import { type KnownLogSettings, openLogs, openPool, tellContradiction } from './cosigner-parts.ts'
import { connect, type Database } from './db/connect.ts'
import { migrate } from './db/migrate.ts'
import { cosignerKeys } from './files/cosigner-keys.ts'
import { openGuards } from './guard/from-config.ts'
import { serverIdentity } from './guard/postgres.ts'
import { listen } from './listen.ts'
import { createEngine, type Engine } from './log/logs.ts'
import { NO_OBSERVER } from './log/observer.ts'
import type { Clock, Guard, KeyRing, LogStore } from './log/ports.ts'
import { createLogger } from './logger.ts'
import { createMirrorApp } from './mirror/app.ts'
import { createCopies } from './mirror/copies.ts'
import { readCopyStates } from './mirror/copy-states.ts'
import { createMirrorMetrics } from './mirror/metrics.ts'
import { createMirror } from './mirror/mirror.ts'
import { createPendingStore } from './mirror/pending-store.ts'
import { installNodeCrypto } from './node-crypto.ts'
import { openDatabase, SERVICE_ROLE } from './open-database.ts'
import { concernsOf, prepareSelfCheck } from './start-self-check.ts'
import { createPostgresStore } from './store/store.ts'
import type { KnownLogs } from './witness/known-logs.ts'
import { createRateLimit } from './witness/rate-limit.ts'

export interface MirrorSettings extends KnownLogSettings {
  /** Checkpoints per second of one log. */
  readonly rate: number
  /** Entries are for those who send it as a bearer token; undefined: for everybody. */
  readonly readToken: string | undefined
}

export interface MirrorService {
  readonly url: string
  /** The keys that sign copies: Ed25519, then ML-DSA-44. */
  readonly vkeys: readonly string[]
  /** Resolves when the service cannot go on: its own database ended. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** File of the keys, in the data folder. */
export const MIRROR_KEYS = 'mirror.keys'

const WRITE_CONNECTIONS = 8
const READ_CONNECTIONS = 12
/** Checkpoints made elsewhere on the same database are looked for this often; milliseconds. */
const LOOK_INTERVAL = 1_000
/** Milliseconds: nothing is signed anew by itself. */
const NEVER = 10 ** 15
/** Longer than an upload may take (mirror/app.ts); milliseconds. */
const REQUEST_TIMEOUT = 330_000

/** @throws EmbeddedError, MigrationError, KeyFileError, OwnNameError, or what the operating system says of the port */
export async function serveMirror(
  config: Config,
  settings: MirrorSettings,
  logger: Logger = createLogger(config),
): Promise<MirrorService> {
  installNodeCrypto()
  installMlDsa()
  const undo: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    const skeys = await cosignerKeys(join(config.dataDir, MIRROR_KEYS), settings.name, [0x04, 0x06])
    const database = await openDatabase(config, (message) => logger.info(message))
    undo.push(() => database.stop())
    await migrate(database.ownerUrl)
    const write = await openPool(database.url, 'mirror write', WRITE_CONNECTIONS, logger)
    undo.push(() => write.close())
    const read = await openPool(database.url, 'mirror read', READ_CONNECTIONS, logger)
    undo.push(() => read.close())
    const lead = connect({ url: database.url, role: SERVICE_ROLE, name: 'prooflog mirror lead', max: 1 })
    undo.push(() => lead.close())
    const known = await openLogs(read, settings, () => {}, logger)
    undo.push(() => known.close())
    const store = createPostgresStore({ write, read, lead })
    const guard = openGuards(config, () => serverIdentity(read.sql))
    undo.push(() => guard.close())
    const engine = readingEngine(store, guard, logger)
    await engine.start()
    undo.push(() => engine.stop())
    const check = connect({ url: database.url, role: SERVICE_ROLE, name: 'prooflog mirror check', max: 1 })
    undo.push(() => check.close())
    const selfCheck = prepareSelfCheck(config, {
      database: check,
      guard,
      keys: { signers: async () => [] }, // those of the copied logs are not here
      metrics: { checked: () => {} },
      logger,
      report: (err) => logger.error({ err }, 'the self-check could not go on'),
    })
    const concerns = (): string[] => concernsOf(selfCheck)
    const parts = { store, guard, engine, known, write, read, skeys, settings, logger, concerns }
    const { app, vkeys } = mirrorApp(parts)
    const server = await listen(app.fetch, { ...config, requestTimeout: REQUEST_TIMEOUT })
    undo.push(() => server.close())
    selfCheck?.start()
    undo.push(async () => selfCheck?.stop())
    return { url: server.url, vkeys, ended: database.ended, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

export interface MirrorParts {
  readonly store: LogStore
  readonly guard: Guard
  readonly engine: Engine
  readonly known: KnownLogs
  readonly write: Database
  readonly read: Database
  /** Ed25519, then ML-DSA-44. */
  readonly skeys: readonly string[]
  readonly settings: MirrorSettings
  readonly logger: Logger
  readonly clock?: Clock
  /** Milliseconds for one upload. */
  readonly uploadLimit?: number
  /** What the self-check found. */
  readonly concerns?: () => readonly string[]
}

/** The app, and the vkeys that it signs with. */
export function mirrorApp(parts: MirrorParts): {
  readonly app: ReturnType<typeof createMirrorApp>
  readonly vkeys: readonly string[]
} {
  const { store, guard, engine, known, write, read, skeys, settings, logger } = parts
  const metrics = createMirrorMetrics()
  const signers = skeys.map(localSigner)
  const vkeys = signers.map(({ vkey }) => vkey)
  const copies = createCopies(store, known)
  const mirror = createMirror({
    store,
    guard,
    signers,
    clock: parts.clock ?? Date.now,
    admit: createRateLimit(settings.rate, () => performance.now()),
    contradiction: tellContradiction(logger, () => metrics.contradicted()),
    known,
    copies,
    pending: createPendingStore(write),
    logs: engine,
    subtreeSigner: localSubtreeSigner(skeys[1] ?? ''),
    ticketKey: ticketKeyFrom(skeys),
  })
  const app = createMirrorApp({
    name: settings.name,
    vkeys,
    mirror,
    metrics,
    copies,
    logs: engine,
    readToken: settings.readToken,
    states: () => readCopyStates(read),
    report: (err) => logger.error({ err }, 'a fault of the mirror'),
    ...(parts.uploadLimit === undefined ? {} : { uploadLimit: parts.uploadLimit }),
    ...(parts.concerns === undefined ? {} : { concerns: parts.concerns }),
  })
  return { app, vkeys }
}

/** An engine that signs nothing: it reads, and follows what is signed. */
export function readingEngine(store: LogStore, guard: Guard, logger: Logger): Engine {
  const none = (): Promise<never> => Promise.reject(new Error('a mirror has no logs of its own'))
  const keys: KeyRing = { signers: async () => [], create: none, add: none }
  return createEngine(
    {
      store,
      guard,
      keys,
      clock: Date.now,
      observer: NO_OBSERVER,
      report: (err) => logger.error({ err }, err instanceof ProoflogError ? err.message : 'reading failed'),
    },
    {
      publishInterval: LOOK_INTERVAL,
      heartbeat: NEVER,
      originPrefix: 'mirror.invalid',
    },
  )
}

/** Tickets outlive a restart, and are good at every process that holds the same keys. */
function ticketKeyFrom(skeys: readonly string[]): Uint8Array {
  const seeds = Buffer.concat(skeys.map((skey) => parseSkey(skey).seed))
  return new Uint8Array(hkdfSync('sha256', seeds, new Uint8Array(), 'prooflog mirror ticket', 32))
}
