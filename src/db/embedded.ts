// A Postgres of our own, for machines that have none: the binaries of an npm package, one cluster per folder, reachable
// over a Unix socket in a private folder (TCP on the loopback, on Windows) and by password only.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { connect } from './connect.ts'
import { findBinaries } from './embedded-binaries.ts'
import {
  type Cluster,
  ensureCluster,
  OWNER,
  ownerPassword,
  writeHidden,
  writeSettings,
} from './embedded-cluster.ts'
import { EmbeddedError } from './embedded-error.ts'
import { type Server, starterOf, startServer, stopOrphan } from './embedded-server.ts'
import { serverSettings } from './embedded-settings.ts'
import { serverUser } from './embedded-user.ts'
import { livePostmaster, processLives } from './postmaster.ts'

export interface EmbeddedOptions {
  /** Folder of the cluster, made on first use. The server's log is beside it, `<dir>.log`. */
  readonly dir: string
  /** Default true; false only for data that may be lost. */
  readonly fsync?: boolean
  /** Postgres settings that override ours. */
  readonly settings?: Readonly<Record<string, string>>
  /** Told what an operator should know: a first use, a server that a crash left behind. */
  readonly log?: (message: string) => void
}

export interface EmbeddedAddress {
  /** The owner, a superuser: may create schemas and roles. */
  readonly ownerUrl: string
  /** The service: a login with no rights but those of the role prooflog_service. */
  readonly url: string
  /** Process id of the server. */
  readonly pid: number
}

export interface Embedded extends EmbeddedAddress {
  /** Stops the server; open transactions are rolled back. Returns when it is down. */
  stop(): Promise<void>
}

const SERVICE_LOGIN = 'prooflog_app'
const SERVICE_ROLE = 'prooflog_service'
const DATABASE = 'prooflog'
/** How to reach the running server, for the owner of the folder only. */
const RUN_FILE = 'prooflog.run.json'

interface RunFile extends EmbeddedAddress {
  /** Process id of the program that started the server. */
  readonly starter: number
}

/**
 * Starts the server of the cluster in `dir`, which it makes on first use. The server ends with this process, however that
 * ends; one that outlived its program is stopped first.
 * @throws EmbeddedError `embedded_in_use` when a living process runs it, `embedded_unavailable` when this machine cannot run
 * it, `embedded_failed` when Postgres refuses
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const log = options.log ?? (() => {})
  const fsync = options.fsync ?? true
  const dir = resolve(options.dir)
  mkdirSync(dirname(dir), { recursive: true })
  const binaries = await findBinaries()
  const cluster: Cluster = { dir, binaries, user: serverUser(dir, binaries.postgres) }
  await clearWay(cluster, log)
  if (await ensureCluster(cluster, fsync)) log(`made a Postgres cluster in ${dir}`)
  writeSettings(cluster, { ...serverSettings(dir, fsync), ...options.settings })
  const server = await startServer(cluster)
  const stop = async (): Promise<void> => {
    rmSync(join(dir, RUN_FILE), { force: true })
    await server.stop()
  }
  try {
    const address = await addressOf(server, ownerPassword(dir))
    writeHidden(
      cluster.user,
      join(dir, RUN_FILE),
      JSON.stringify({ ...address, starter: process.pid } satisfies RunFile),
    )
    let stopped: Promise<void> | undefined
    return { ...address, stop: () => (stopped ??= stop()) }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The running server of the cluster in `dir`, started by another process; undefined when there is none. */
export async function runningEmbedded(dir: string): Promise<EmbeddedAddress | undefined> {
  const live = await livePostmaster(resolve(dir))
  const run = readRunFile(resolve(dir))
  return live && run && live.pid === run.pid ? run : undefined
}

async function clearWay(cluster: Cluster, log: (message: string) => void): Promise<void> {
  const { dir } = cluster
  const live = await livePostmaster(dir)
  if (!live) return
  const starter = starterOf(live.socketDir) ?? readRunFile(dir)?.starter
  if (starter !== undefined && processLives(starter)) {
    throw new EmbeddedError(
      'embedded_in_use',
      `${dir} is in use: process ${starter} runs its Postgres (process ${live.pid}). Stop process ${starter}, or choose another folder`,
    )
  }
  log(`stopping the Postgres (process ${live.pid}) that a killed program left on ${dir}`)
  await stopOrphan(cluster, live)
}

/** Makes database and roles where missing. The service's password is new at each start; only the run file holds it. */
async function addressOf(server: Server, password: string): Promise<EmbeddedAddress> {
  const servicePassword = randomBytes(32).toString('base64url')
  const { sql, close } = connect({
    url: urlOf(server, OWNER, password, 'postgres'),
    max: 1,
    name: 'prooflog embedded',
  })
  try {
    const databases = await sql`SELECT datname FROM pg_database WHERE datname = ${DATABASE}`
    if (databases.length === 0) await sql.unsafe(`CREATE DATABASE ${DATABASE}`)
    const roles = await sql`SELECT rolname FROM pg_roles WHERE rolname IN (${SERVICE_ROLE}, ${SERVICE_LOGIN})`
    const present = roles.map((row) => String(row['rolname']))
    if (!present.includes(SERVICE_ROLE)) await sql.unsafe(`CREATE ROLE ${SERVICE_ROLE} NOLOGIN`)
    if (!present.includes(SERVICE_LOGIN))
      await sql.unsafe(`CREATE ROLE ${SERVICE_LOGIN} LOGIN IN ROLE ${SERVICE_ROLE}`)
    await sql.unsafe(`ALTER ROLE ${SERVICE_LOGIN} PASSWORD '${servicePassword}'`)
  } finally {
    await close()
  }
  return {
    ownerUrl: urlOf(server, OWNER, password, DATABASE),
    url: urlOf(server, SERVICE_LOGIN, servicePassword, DATABASE),
    pid: server.pid,
  }
}

/** With a socket, `host` in the query is its folder, as in libpq; the host before it only completes the URL. */
function urlOf({ port, socketDir }: Server, login: string, password: string, database: string): string {
  const query = socketDir ? `?host=${encodeURIComponent(socketDir)}` : ''
  return `postgres://${login}:${password}@127.0.0.1:${port}/${database}${query}`
}

function readRunFile(dir: string): RunFile | undefined {
  const file = join(dir, RUN_FILE)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RunFile) : undefined
}
