// The composition root of a witness: a service of its own, with keys, data folder and database of its own.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { decodeUtf8, encodeUtf8, parseDecimal } from './core/bytes.ts'
import type { ListedLog } from './core/log-list.ts'
import { installMlDsa } from './core/ml-dsa.ts'
import { localSigner } from './core/signer.ts'
import { localSubtreeSigner } from './core/subtree-signature.ts'
import { connect, type Database } from './db/connect.ts'
import { migrate } from './db/migrate.ts'
import { durableSettings } from './durable-settings.ts'
import { cosignerKeys } from './files/cosigner-keys.ts'
import { readIfThere, replaceFile } from './files/durable.ts'
import { listen } from './listen.ts'
import { createLogger } from './logger.ts'
import { installNodeCrypto } from './node-crypto.ts'
import { openDatabase, SERVICE_ROLE } from './open-database.ts'
import { readLogList } from './read-log-list.ts'
import { createAddCheckpoint } from './witness/add-checkpoint.ts'
import { addLogs } from './witness/add-logs.ts'
import { type Age, openAge, type RememberedAge } from './witness/age.ts'
import { createWitnessApp } from './witness/app.ts'
import { createCosignedHeads } from './witness/cosigned-heads.ts'
import { type KnownLogs, openKnownLogs } from './witness/known-logs.ts'
import { followLogLists, type ListOutcome } from './witness/log-lists.ts'
import { createWitnessMetrics, type WitnessMetrics } from './witness/metrics.ts'
import { createRateLimit } from './witness/rate-limit.ts'
import { createSignSubtree } from './witness/sign-subtree.ts'

export interface WitnessSettings {
  /** Key name: a URL without scheme. It never changes. */
  readonly name: string
  /** Files or addresses of lists of logs (`logs/v0`). */
  readonly logLists: readonly string[]
  /** Logs to add at the start. */
  readonly logs: readonly ListedLog[]
  /** Requests per second of one log. */
  readonly rate: number
  /** Cosign with ML-DSA-44 too; takes 4 ms of CPU. */
  readonly mlDsa: boolean
}

export interface WitnessService {
  readonly url: string
  /** The keys that cosign. */
  readonly vkeys: readonly string[]
  /** Resolves when the service cannot go on: its own database ended. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** Private keys, in the data folder. */
export const WITNESS_KEYS = 'witness.keys'

const CONNECTIONS = 16
/** Lists are read again after this time; milliseconds. */
const LIST_INTERVAL = 300_000

/** @throws EmbeddedError, MigrationError, KeyFileError, OwnNameError, or what the operating system says of the port */
export async function serveWitness(
  config: Config,
  settings: WitnessSettings,
  logger: Logger = createLogger(config),
): Promise<WitnessService> {
  installNodeCrypto()
  installMlDsa()
  const undo: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    const skeys = await cosignerKeys(join(config.dataDir, WITNESS_KEYS), settings.name, [0x04, 0x06])
    const database = await openDatabase(config, (message) => logger.info(message))
    undo.push(() => database.stop())
    await migrate(database.ownerUrl)
    const db = await openPool(database.url, logger)
    undo.push(() => db.close())
    const report = (err: unknown): void => logger.error({ err }, 'a fault of the witness')
    const logs = await openKnownLogs(db, report)
    undo.push(() => logs.close())
    const metrics = createWitnessMetrics(() => logs.count)
    await addLogs(db, settings.logs, 'command line', { ownName: settings.name, moreKeys: true })
    const lists = await followLogLists(settings.logLists, {
      db,
      ownName: settings.name,
      read: readLogList,
      onRead: (source, outcome) => tellOfList(logger, metrics, source, outcome),
      interval: LIST_INTERVAL,
    })
    undo.push(() => lists.close())
    await logs.refresh()
    const age = await openAge(db, rememberedAge(join(config.dataDir, 'age')), report)
    undo.push(() => age.close())
    const { app, vkeys } = witnessApp({ db, logs, age, metrics, settings, skeys, logger, report })
    const server = await listen(app.fetch, config)
    undo.push(() => server.close())
    return { url: server.url, vkeys, ended: database.ended, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Parts {
  readonly db: Database
  readonly logs: KnownLogs
  readonly age: Age
  readonly metrics: WitnessMetrics
  readonly settings: WitnessSettings
  /** Ed25519, then ML-DSA-44. */
  readonly skeys: readonly string[]
  readonly logger: Logger
  readonly report: (error: unknown) => void
}

/** The app, and the vkeys that it cosigns with. */
function witnessApp({ db, logs, age, metrics, settings, skeys, logger, report }: Parts) {
  const [ed25519 = '', mlDsa = ''] = skeys
  const signers = (settings.mlDsa ? [ed25519, mlDsa] : [ed25519]).map(localSigner)
  const vkeys = signers.map(({ vkey }) => vkey)
  const heads = createCosignedHeads(db)
  const limit = createRateLimit(settings.rate, () => performance.now())
  const admit = (origin: string): void => {
    limit(origin)
    age.touch()
  }
  const contradiction = tellContradiction(logger, metrics)
  const subtree = settings.mlDsa ? { logs, signer: localSubtreeSigner(mlDsa), admit } : undefined
  const app = createWitnessApp({
    name: settings.name,
    vkeys,
    logs,
    heads,
    addCheckpoint: createAddCheckpoint({ logs, heads, signers, now: Date.now, admit, contradiction }),
    signSubtree: subtree && createSignSubtree(subtree),
    metrics,
    problems: async () => [...(await answers(db)), ...[age.problem() ?? []].flat()],
    report,
  })
  return { app, vkeys }
}

async function openPool(url: string, logger: Logger): Promise<Database> {
  const common = { url, role: SERVICE_ROLE, statementTimeout: 10_000 }
  const first = connect({ ...common, name: 'prooflog witness start', max: 1 })
  const settings = await durableSettings(first, logger).finally(() => first.close())
  return connect({ ...common, name: 'prooflog witness', max: CONNECTIONS, settings })
}

/** Beside the keys: keep it out of the backups of the database. */
function rememberedAge(path: string): RememberedAge {
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o711 })
  return {
    async read() {
      const bytes = await readIfThere(path)
      return bytes && parseDecimal(decodeUtf8(bytes).trimEnd())
    },
    write: (age) => replaceFile(path, encodeUtf8(`${age}\n`), 0o600),
  }
}

async function answers({ sql }: Database): Promise<string[]> {
  try {
    await sql`SELECT 1`
    return []
  } catch {
    return ['the database does not answer']
  }
}

function tellOfList(logger: Logger, metrics: WitnessMetrics, source: string, outcome: ListOutcome): void {
  metrics.listRead(source, 'failure' in outcome)
  if ('failure' in outcome) {
    logger.error({ source, err: outcome.failure }, 'a list of logs was not read')
    return
  }
  const { added, otherKey } = outcome
  if (added.length > 0) logger.info({ source, added: added.length }, 'logs were added')
  for (const origin of otherKey)
    logger.warn({ source, origin }, 'a list has another key for a log that is known: it was not added')
}

/** Both notes are signed by the log: whoever runs the witness can show them to others. */
function tellContradiction(logger: Logger, metrics: WitnessMetrics) {
  return (origin: string, why: string, offered: Uint8Array, seen: Uint8Array | undefined): void => {
    metrics.contradicted()
    logger.warn(
      { origin, why, offered: decodeUtf8(offered), seen: seen && decodeUtf8(seen) },
      'a signed checkpoint does not continue what was cosigned',
    )
  }
}
