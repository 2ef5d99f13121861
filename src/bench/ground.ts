// What all rows stand on: a Postgres with fsync, in a temporary folder, and servers on it. Taken down at the end.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { connect, type Database } from '../db/connect.ts'
import { type Embedded, startEmbedded } from '../db/embedded.ts'
import { migrate } from '../db/migrate.ts'
import { DEFAULT_LIMITS } from '../log/limits.ts'
import { NO_OBSERVER } from '../log/observer.ts'
import { createPool, type Pool } from '../log/pool.ts'
import { createSequencer, type Sequencer } from '../log/sequencer.ts'
import { installNodeCrypto } from '../node-crypto.ts'
import { SERVICE_ROLE } from '../open-database.ts'
import { createPostgresStore } from '../store/store.ts'

export interface BenchLog {
  readonly pool: Pool
  readonly sequencer: Sequencer
  readonly id: number
}

export interface BenchProcess {
  readonly port: number
  stop(): Promise<void>
}

export interface BenchServer extends BenchProcess {
  readonly pid: number
  /** The admin key's Authorization header. */
  readonly authorization: string
}

export interface Ground {
  /** As the owner: for the ceilings' own tables. */
  readonly owner: Database
  /** The way in of a new log, in this process. */
  newLog(dedup: boolean): Promise<BenchLog>
  /** A server in a process of its own, with further settings; one at a time. */
  server(env?: Readonly<Record<string, string>>): Promise<BenchServer>
  /** A witness of the logs of a list, in a process of its own. @param name also of its folder */
  witness(name: string, list: string, args: readonly string[]): Promise<BenchProcess>
  stop(): Promise<void>
}

export async function prepareGround(): Promise<Ground> {
  installNodeCrypto()
  const dir = mkdtempSync(join(tmpdir(), 'prooflog-bench-'))
  const embedded = await startedIn(dir)
  const owner = connect({ url: embedded.ownerUrl, max: 4, statementTimeout: 0 })
  const pools = [8, 8, 1].map((max) => connect({ url: embedded.url, role: SERVICE_ROLE, max }))
  const [write, read, lead] = pools
  if (!write || !read || !lead) throw new Error('three pools')
  const store = createPostgresStore({ write, read, lead })
  let logs = 0
  return {
    owner,
    async newLog(dedup) {
      const name = `bench-${++logs}`
      const info = await store.createLog({ name, origin: name, public: false, dedup, vkeys: [] })
      const pool = createPool(DEFAULT_LIMITS)
      return { pool, sequencer: createSequencer(info, pool, store, NO_OBSERVER), id: info.id }
    },
    server: (env = {}) => startServer(dir, embedded, env),
    witness: (name, list, args) => startWitness(join(dir, name), embedded, list, args),
    async stop() {
      for (const { close } of [owner, ...pools]) await close()
      await embedded.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** The database of the bench, migrated; what cannot start leaves nothing behind. */
async function startedIn(dir: string): Promise<Embedded> {
  let embedded: Embedded | undefined
  try {
    embedded = await startEmbedded({ dir: join(dir, 'postgres') })
    await migrate(embedded.ownerUrl)
    return embedded
  } catch (error) {
    await embedded?.stop()
    rmSync(dir, { recursive: true, force: true })
    throw error
  }
}

async function startServer(
  dir: string,
  { url, ownerUrl }: Embedded,
  env: Readonly<Record<string, string>>,
): Promise<BenchServer> {
  const child = spawnScript('bench-server', [], {
    PROOFLOG_DATA: join(dir, 'data'),
    PROOFLOG_KEYS: '',
    PROOFLOG_GUARD: '',
    DATABASE_URL: url,
    PROOFLOG_OWNER_DATABASE_URL: ownerUrl,
    PORT: '0',
    PROOFLOG_HOST: '127.0.0.1',
    PROOFLOG_PUBLISH_MS: '100',
    PROOFLOG_LOG_LEVEL: 'warn',
    PROOFLOG_RATE_READ: '0',
    ...env,
  })
  const line = await firstLine(child)
  const { key, ...told } = JSON.parse(line) as { url: string; key?: string; pid: number }
  // Shown by the first server on this ground only; the others find it where that one left it.
  const authorization = `Bearer ${key ?? readFileSync(join(dir, 'data', 'admin.key'), 'utf8').trim()}`
  const created = await fetch(`${told.url}/logs`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'http' }),
  })
  if (!created.ok && created.status !== 409)
    throw new Error(`the server did not create a log: ${await created.text()}`)
  return {
    port: Number(new URL(told.url).port),
    pid: told.pid,
    authorization,
    stop: () => ended(child),
  }
}

async function startWitness(
  folder: string,
  { url, ownerUrl }: Embedded,
  list: string,
  args: readonly string[],
): Promise<BenchProcess> {
  mkdirSync(folder)
  const file = join(folder, 'logs.v0')
  writeFileSync(file, list)
  const child = spawnScript(
    '../cli/main',
    ['witness', '--name', 'witness.bench', '--data', folder, '--port', '0', '--log-list', file, ...args],
    {
      DATABASE_URL: url,
      PROOFLOG_OWNER_DATABASE_URL: ownerUrl,
      PROOFLOG_HOST: '127.0.0.1',
      PROOFLOG_LOG_LEVEL: 'warn',
    },
    'ignore',
  )
  return { port: Number(new URL(await firstLine(child)).port), stop: () => ended(child) }
}

/** Runs a script of this program, by its path from here. */
function spawnScript(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stderr: 'inherit' | 'ignore' = 'inherit',
): ChildProcess {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  const script = fileURLToPath(new URL(path + extension, import.meta.url))
  // The launcher runs us in its own process, so our own arguments say nothing of the loader.
  const loader = extension === '.ts' ? ['--import', import.meta.resolve('tsx')] : []
  // As `npm start` has it: fewer and shorter stops for garbage.
  return spawn(process.execPath, ['--max-semi-space-size=64', ...loader, script, ...args], {
    stdio: ['ignore', 'pipe', stderr],
    env: { ...process.env, ...env },
  })
}

async function ended(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the server has no stdout')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('the server ended before it listened')
}
