// The composition root: the only file that knows everything. Builds the ports, the engine and the app, and takes them down
// in the opposite order.
import type { Logger } from 'pino'
import { openKeys } from './access/keys.ts'
import { createOidc, type Oidc, readOidcFile } from './access/oidc.ts'
import { createRateLimiter } from './access/rate-limit.ts'
import { refuseForged } from './audit/event/refuse-forged.ts'
import { putSidecars } from './audit/vault/sidecars.ts'
import type { Config } from './config.ts'
import { codeOf } from './core/errors.ts'
import { installMlDsa } from './core/ml-dsa.ts'
import { connect } from './db/connect.ts'
import { migrate } from './db/migrate.ts'
import { durableSettings } from './durable-settings.ts'
import { createPolicyFiles } from './files/policy-files.ts'
import { type FirstStart, firstStart } from './first-start.ts'
import { followMirrors, tellingPublished } from './follow-mirrors.ts'
import { openGuards } from './guard/from-config.ts'
import { serverIdentity } from './guard/postgres.ts'
import { type AppDeps, createApp } from './http/app.ts'
import { createMetrics, type Metrics } from './http/metrics.ts'
import { selfCheckRoutes } from './http/self-check-routes.ts'
import { createKeyFiles } from './keys/key-files.ts'
import { listen } from './listen.ts'
import type { Cosigners } from './log/cosigners.ts'
import { createEngine, type Engine } from './log/logs.ts'
import type { Observer } from './log/observer.ts'
import type { Guard, KeyRing, LogStore } from './log/ports.ts'
import { createLogger } from './logger.ts'
import type { LogFollower } from './mirror/follow-logs.ts'
import { installNodeCrypto } from './node-crypto.ts'
import { openDatabase, SERVICE_ROLE } from './open-database.ts'
import { packageVersion } from './package-version.ts'
import { describeFinding } from './self-check/finding.ts'
import { prepareAudit, usable } from './start-audit.ts'
import { prepareSelfCheck, problemsOf } from './start-self-check.ts'
import { createPostgresStore } from './store/store.ts'
import { createCosigners } from './witness/cosigners.ts'

export interface Service {
  /** Where it listens, `http://host:port`. */
  readonly url: string
  /** What the first start of this database made. */
  readonly first: FirstStart | undefined
  /** Resolves when the service cannot go on: its own database ended. Stop it then, and start anew. */
  readonly ended: Promise<void>
  /** Answers what is under way, then stops all. */
  stop(): Promise<void>
}

/** Connections to the database: appends take one per log at a time, reads share the others. */
const WRITE_CONNECTIONS = 8
const READ_CONNECTIONS = 12
/** The same failure is logged again after this time; milliseconds. */
const REPEAT_AFTER = 60_000

/**
 * Starts the service: database, migrations, engine, HTTP.
 * @param more routes of other rooms, each group with its rows of the access table
 * @throws EmbeddedError, MigrationError, or what the operating system says of the port
 */
export async function serve(
  config: Config,
  logger: Logger = createLogger(config),
  more: NonNullable<AppDeps['more']> = [],
): Promise<Service> {
  installNodeCrypto()
  installMlDsa()
  const undo: (() => Promise<unknown>)[] = []
  const stopping = new AbortController()
  const stop = async (): Promise<void> => {
    stopping.abort()
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    const database = await openDatabase(config, (message) => logger.info(message))
    undo.push(() => database.stop())
    await migrate(database.ownerUrl)
    const open = (name: string, max: number, settings = {}): ReturnType<typeof connect> => {
      const pool = connect({ url: database.url, role: SERVICE_ROLE, name: `prooflog ${name}`, max, settings })
      undo.push(() => pool.close())
      return pool
    }
    const read = open('read', READ_CONNECTIONS)
    const store = createPostgresStore({
      write: open('write', WRITE_CONNECTIONS, await durableSettings(read, logger)),
      read,
      lead: open('lead', 1),
      putSidecars,
    })
    const guard = openGuards(config, () => serverIdentity(read.sql))
    undo.push(() => guard.close())
    const metrics = createMetrics()
    const keyRing = createKeyFiles(config.keysDir, process.env)
    const report = reporter(logger)
    const parts = { guard, keys: keyRing, metrics, logger, report }
    const selfCheck = prepareSelfCheck(config, { database: open('self-check', 1), ...parts })
    const { engine, mirrors } = await startEngine(config, { store, ...parts, selfCheck }, undo)
    const keys = await openKeys(read)
    undo.push(() => keys.close())
    const audit = await prepareAudit(config, {
      databaseUrl: database.url,
      logs: engine,
      keys,
      open,
      metrics,
      logger,
      report,
      stopping: stopping.signal,
    })
    undo.push(() => audit.stop())
    const app = createApp({
      logs: engine,
      keys,
      oidc: await oidcOf(config),
      limits: createRateLimiter({ append: config.rateAppend, read: config.rateRead }),
      journal: audit.journal,
      checkEntries: refuseForged,
      metrics,
      logger,
      database: { ping: () => read.sql`SELECT 1` },
      mirrors: () => mirrors.status(),
      stopping: stopping.signal,
      listing: { contact: config.contact, qpd: config.witnessPerDay },
      concerns: () => selfCheck?.unowned().map(describeFinding) ?? [],
      version: packageVersion(),
      more: [...more, audit.routes, selfCheckRoutes({ selfCheck, stopping: stopping.signal })],
    })
    const server = await listen(app.fetch, config)
    undo.push(() => server.close())
    // After the port is ours: a key that is shown once must not be made by a start that fails.
    const first = await firstStart(config.dataDir, engine, keys)
    await audit.start()
    selfCheck?.start()
    undo.push(async () => selfCheck?.stop())
    return { url: server.url, first, ended: database.ended, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** @throws ConfigError when its file cannot be used */
async function oidcOf({ oidcFile }: Config): Promise<Oidc | undefined> {
  return oidcFile === undefined
    ? undefined
    : createOidc(await usable('PROOFLOG_OIDC', readOidcFile(oidcFile)))
}

interface EngineParts {
  readonly store: LogStore
  readonly guard: Guard
  readonly keys: KeyRing
  readonly metrics: Metrics
  readonly report: Report
  readonly selfCheck: ReturnType<typeof prepareSelfCheck>
}

/** The engine and the mirrors that follow it, started; `undo` gets what stops them. */
async function startEngine(
  config: Config,
  { store, guard, keys, metrics, report, selfCheck }: EngineParts,
  undo: (() => Promise<unknown>)[],
): Promise<{ engine: Engine; mirrors: LogFollower }> {
  let mirrors: LogFollower | undefined
  const engine = createEngine(
    {
      store,
      guard,
      keys,
      clock: Date.now,
      observer: tellingPublished(metrics, (log) => mirrors?.wake(log)),
      report,
      cosigners: cosignersOf(config, metrics, report),
      concerns: (info) => problemsOf(selfCheck, info),
    },
    {
      publishInterval: config.publishInterval,
      heartbeat: config.heartbeat,
      originPrefix: config.publicUrl.replace(/^https?:\/\//, ''),
    },
  )
  await engine.start()
  undo.push(() => engine.stop())
  const following = await followMirrors({ config, logs: engine, store, keys, observer: metrics, report })
  undo.push(() => following.stop())
  mirrors = following
  return { engine, mirrors }
}

function cosignersOf(config: Config, observer: Observer, report: Report): Cosigners {
  return createCosigners({
    policyFile: createPolicyFiles(config.policiesDir),
    timeout: config.witnessTimeout,
    failOpen: config.witnessFailOpen,
    perDay: config.witnessPerDay,
    observer,
    report,
  })
}

type Report = (error: unknown, log?: string) => void

/** Logs a failure when it begins and once a minute while it lasts: publishing is tried several times a second. */
function reporter(logger: Logger): Report {
  const told = new Map<string, number>()
  return (error, log) => {
    const code = codeOf(error)
    const key = `${log} ${code}`
    const now = performance.now()
    if (now - (told.get(key) ?? -Infinity) < REPEAT_AFTER) return
    told.set(key, now)
    logger.error({ log, code, err: error }, error instanceof Error ? error.message : 'publishing failed')
  }
}
