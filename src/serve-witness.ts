// The composition root of a witness: a service of its own, with keys, data folder and database of its own.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { decodeUtf8, encodeUtf8, parseDecimal } from './core/bytes.ts'
import { installMlDsa } from './core/ml-dsa.ts'
import { localSigner } from './core/signer.ts'
import { localSubtreeSigner } from './core/subtree-signature.ts'
import {
  databaseProblems,
  type KnownLogSettings,
  openLogs,
  openPool,
  tellContradiction,
} from './cosigner-parts.ts'
import type { Database } from './db/connect.ts'
import { migrate } from './db/migrate.ts'
import { cosignerKeys } from './files/cosigner-keys.ts'
import { readIfThere, replaceFile } from './files/durable.ts'
import { listen } from './listen.ts'
import { createLogger } from './logger.ts'
import { installNodeCrypto } from './node-crypto.ts'
import { openDatabase } from './open-database.ts'
import { createAddCheckpoint } from './witness/add-checkpoint.ts'
import { type Age, openAge, type RememberedAge } from './witness/age.ts'
import { createWitnessApp } from './witness/app.ts'
import { createCosignedHeads } from './witness/cosigned-heads.ts'
import type { KnownLogs } from './witness/known-logs.ts'
import { createWitnessMetrics, type WitnessMetrics } from './witness/metrics.ts'
import { createRateLimit } from './witness/rate-limit.ts'
import { createSignSubtree } from './witness/sign-subtree.ts'

export interface WitnessSettings extends KnownLogSettings {
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
    const db = await openPool(database.url, 'witness', CONNECTIONS, logger)
    undo.push(() => db.close())
    const report = (err: unknown): void => logger.error({ err }, 'a fault of the witness')
    const metrics: WitnessMetrics = createWitnessMetrics(() => logs.count)
    const onList = (source: string, failed: boolean): void => metrics.listRead(source, failed)
    const logs = await openLogs(db, settings, onList, logger)
    undo.push(() => logs.close())
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
  const contradiction = tellContradiction(logger, () => metrics.contradicted())
  const subtree = settings.mlDsa ? { logs, signer: localSubtreeSigner(mlDsa), admit } : undefined
  const app = createWitnessApp({
    name: settings.name,
    vkeys,
    logs,
    heads,
    addCheckpoint: createAddCheckpoint({ logs, heads, signers, now: Date.now, admit, contradiction }),
    signSubtree: subtree && createSignSubtree(subtree),
    metrics,
    problems: async () => [...(await databaseProblems(db)), ...[age.problem() ?? []].flat()],
    report,
  })
  return { app, vkeys }
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
