// What makes a log an audit log, put together: vault, recorder, journal, search, erasures, and what senders and readers speak to.
import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Keys } from './access/keys.ts'
import { areOneLine } from './access/lineage.ts'
import { AuditError } from './audit/event/errors.ts'
import type { AuditHttpDeps } from './audit/http/deps.ts'
import { auditRoutes } from './audit/http/routes.ts'
import { createProducerTrust, NO_PRODUCERS, type ProducerTrust } from './audit/ingest/producer-signature.ts'
import { soughtIn } from './audit/meta/asked.ts'
import { createMetaJournal } from './audit/meta/journal.ts'
import { ensureMetaLog } from './audit/meta/meta-log.ts'
import { openGeo } from './audit/record/geo.ts'
import { createRecorder } from './audit/record/recorder.ts'
import { createSealer } from './audit/record/sealer.ts'
import { forgetTerms } from './audit/search/refresh.ts'
import { SEARCH_SETTINGS } from './audit/search/scan.ts'
import { createSearch } from './audit/search/search.ts'
import { createErasures } from './audit/vault/erasure.ts'
import { createHolds } from './audit/vault/holds.ts'
import { createVault } from './audit/vault/vault.ts'
import { type Config, ConfigError } from './config.ts'
import { ProoflogError } from './core/errors.ts'
import { META_LOG } from './core/log-name.ts'
import type { Database } from './db/connect.ts'
import type { RouteGroup } from './http/app.ts'
import type { Journal } from './http/journal.ts'
import type { Metrics } from './http/metrics.ts'
import { startIndexThread } from './index-thread.ts'
import { listenToSyslog } from './listen-to-syslog.ts'
import type { Log, Logs } from './log/types.ts'
import { privacyOf } from './privacy-of.ts'
import { createSealThreads } from './seal-threads.ts'

export interface AuditParts {
  readonly databaseUrl: string
  readonly logs: Logs
  readonly keys: Pick<Keys, 'list'>
  /** A pool of connections to the database by name; closed by whoever opens it. */
  readonly open: (name: string, max: number, settings?: Readonly<Record<string, string>>) => Database
  readonly metrics: Metrics
  readonly logger: Logger
  readonly report: (error: unknown, log?: string) => void
  readonly stopping: AbortSignal
}

export interface Audit {
  readonly routes: RouteGroup
  readonly journal: Journal
  /** Begins to index, to listen for syslog, and to finish what a crash left. Once the logs can be appended to. */
  start(): Promise<void>
  stop(): Promise<void>
}

const SEARCH_CONNECTIONS = 4
/** A search that takes longer is given up; milliseconds. */
const SEARCH_LIMIT = '10000'

/** @throws AuditError `vault_key_missing`; ConfigError for files that cannot be used */
export async function prepareAudit(config: Config, parts: AuditParts): Promise<Audit> {
  const { databaseUrl, logs, keys, open, metrics, logger, report, stopping } = parts
  await ensureMetaLog(logs)
  const db = open('vault', 4)
  const vault = await createVault({ db, keyFile: config.vaultKeyFile })
  const { policiesDir, geoipFile, vaultKeyFile } = config
  const producers = await producersOf(config.producersFile)
  const here = createSealer({
    vault,
    policyOf: privacyOf(policiesDir),
    clock: Date.now,
    geo: geoipFile === undefined ? undefined : await usable('PROOFLOG_GEOIP', openGeo(geoipFile, report)),
  })
  const sealing = createSealThreads(
    { databaseUrl, vaultKeyFile, policiesDir, geoipFile, producers: producers.contents },
    config.sealThreads,
    here,
    report,
  )
  const recorder = createRecorder(sealing)
  const search = config.search
    ? createSearch({
        vault,
        db: open('search', SEARCH_CONNECTIONS, { ...SEARCH_SETTINGS, statement_timeout: SEARCH_LIMIT }),
        observer: metrics,
      })
    : undefined
  const journal = createMetaJournal({ logs, recorder, report })
  const erasures = createErasures({
    db,
    vault,
    logOf: (logId) => logById(logs, logId),
    async mayApprove({ requestedBy }, { id }) {
      if (!areOneLine(await keys.list(), requestedBy, id)) return
      throw new AuditError(
        'same_person',
        'the keys that asked and that approves were made one from the other: somebody else has to approve',
      )
    },
    // Also where another process keeps the search.
    forgetDerived: forgetTerms,
    // Who was looked for is named in the journal too: what was noted of it is written first, and then goes with them.
    async companionsOf(logId) {
      await journal.settle()
      const { name } = (await logById(logs, logId)).info
      const { id } = (await logs.open(META_LOG)).info
      return [soughtIn(name), soughtIn(undefined)].map((subject) => ({ logId: id, subject }))
    },
    report: (error) => report(error),
  })
  const deps: AuditHttpDeps = {
    logs,
    recorder,
    vault,
    erasures,
    holds: createHolds({ db, subjects: vault.subjects }),
    search,
    producers: producers.trust,
    otlpAudit: config.otlpAudit,
    stopping,
  }
  const undo: (() => Promise<unknown>)[] = [() => vault.close(), () => sealing.stop(), () => journal.stop()]
  return {
    routes: auditRoutes(deps),
    journal,
    async start() {
      if (config.search) {
        const indexing = startIndexThread({ databaseUrl, vaultKeyFile }, metrics, report)
        undo.push(() => indexing.stop())
      }
      for (const listener of config.syslog) {
        const server = await listenToSyslog(listener, { logs, recorder, logger, observer: metrics })
        undo.push(() => server.close())
      }
      await erasures.resume()
    },
    async stop() {
      for (const step of undo.splice(0).toReversed()) await step()
    },
  }
}

async function logById(logs: Logs, id: number): Promise<Log> {
  const info = (await logs.list()).find((log) => log.id === id)
  if (info === undefined) throw new RangeError(`there is no log with the row id ${id}`)
  return logs.open(info.name)
}

/** With the contents of the file, for other threads. */
async function producersOf(path: string | undefined): Promise<{ trust: ProducerTrust; contents: unknown }> {
  if (path === undefined) return { trust: NO_PRODUCERS, contents: undefined }
  const read = readFile(path, 'utf8').then((text) => {
    const contents: unknown = JSON.parse(text)
    return { trust: createProducerTrust(contents), contents }
  })
  return usable('PROOFLOG_PRODUCERS', read)
}

/** @throws ConfigError naming the variable whose file cannot be used */
export async function usable<T>(variable: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    const why = error instanceof ProoflogError || error instanceof Error ? error.message : String(error)
    throw new ConfigError(`${variable}: the file cannot be used: ${why}`)
  }
}
