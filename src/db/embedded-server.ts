// The server process of a cluster: where it listens, how it starts, and how it ends with us.
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cluster, writeHidden } from './embedded-cluster.ts'
import { EmbeddedError } from './embedded-error.ts'
import type { ServerUser } from './embedded-user.ts'
import { livePostmaster, type Postmaster } from './postmaster.ts'

/** A started server. */
export interface Server extends Postmaster {
  /** Fast shutdown; returns when it is down. */
  stop(): Promise<void>
}

/** Recovery after a crash replays at most max_wal_size; this is far more than that takes. */
const WAIT = ['-w', '-t', '600']
const WINDOWS = process.platform === 'win32'
/** In the socket's folder: who started the server. Written before it starts, so that no crash leaves a server without it. */
const STARTER_FILE = 'starter.pid'
const LOG_BYTES = 16 * 2 ** 20

/** Starts the server and returns when it accepts connections. @throws EmbeddedError `embedded_failed` with the end of its log */
export async function startServer({ dir, binaries, user }: Cluster): Promise<Server> {
  const socketDir = makeSocketDir(user)
  const port = WINDOWS ? await freePort() : 5432
  const log = `${dir}.log`
  openLog(user, log)
  const place = WINDOWS ? `-h 127.0.0.1 -p ${port}` : `-h '' -p ${port} -k ${shellQuoted(socketDir)}`
  const watchdog = startWatchdog(user, dir, socketDir)
  const clean = (): void => {
    watchdog?.kill()
    rmSync(socketDir, { recursive: true, force: true })
  }
  try {
    await user.run(binaries.pgCtl, ['start', '-D', dir, '-l', log, '-o', place, ...WAIT], 'silent')
  } catch (error) {
    clean()
    const end = readFileSync(log, 'utf8').trim().split('\n').slice(-5).join('\n')
    const message = `Postgres did not start on ${dir}; its log, ${log}, ends:\n${end}`
    throw new EmbeddedError('embedded_failed', message, { cause: error })
  }
  const pid = Number(readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n')[0])
  const stop = async (): Promise<void> => {
    await shutDown({ dir, binaries, user })
    clean()
  }
  return { pid, port, socketDir: WINDOWS ? '' : socketDir, stop }
}

/** Stops a server that this process did not start. */
export async function stopOrphan(cluster: Cluster, { socketDir }: Postmaster): Promise<void> {
  await shutDown(cluster)
  if (socketDir && starterOf(socketDir) !== undefined) rmSync(socketDir, { recursive: true, force: true })
}

/** Process id of the program that started the server with this socket; undefined when it left no trace. */
export function starterOf(socketDir: string): number | undefined {
  try {
    return Number(readFileSync(join(socketDir, STARTER_FILE), 'utf8'))
  } catch {
    return undefined // cleaned away, or not our server
  }
}

async function shutDown({ dir, binaries, user }: Cluster): Promise<void> {
  try {
    await user.run(binaries.pgCtl, ['stop', '-D', dir, '-m', 'fast', ...WAIT])
  } catch (error) {
    if (await livePostmaster(dir)) throw error // otherwise it had ended by itself
  }
}

/** A Unix socket's path holds some 100 bytes, so it cannot lie in the cluster's folder. */
function makeSocketDir(user: ServerUser): string {
  const longest = join(tmpdir(), 'prooflog-XXXXXX', '.s.PGSQL.5432.lock')
  const base = WINDOWS || Buffer.byteLength(longest) < 100 ? tmpdir() : '/tmp'
  const dir = mkdtempSync(join(base, 'prooflog-')) // mode 0700
  user.own(dir)
  writeHidden(user, join(dir, STARTER_FILE), String(process.pid))
  return dir
}

/** Keeps one older file, so that the two never hold much more than twice LOG_BYTES. */
function openLog(user: ServerUser, log: string): void {
  const { size } = statSync(log, { throwIfNoEntry: false }) ?? {}
  if (size !== undefined && size > LOG_BYTES) renameSync(log, `${log}.1`)
  writeFileSync(log, '', { flag: 'a', mode: 0o600 })
  user.own(log)
}

/** $0 is postmaster.pid, $1 the socket's folder. Without that folder, a server that is just starting gives up by itself. */
const WATCH = `
read -r _
for _ in $(seq 60); do
  if grep -qsxF "$1" "$0"; then kill -INT "$(head -n 1 "$0")" || break
  elif ! [ -e "$1/.s.PGSQL.5432" ]; then break; fi
  sleep 1
done
rm -rf "$1"
`

/**
 * A shell that waits for the end of a pipe we hold and then asks the server to stop: the pipe ends with this process, even
 * by SIGKILL. It knows the server by its socket's folder, which no other server has. In a session of its own, so that Ctrl-C
 * reaches us alone. Windows has no such shell: there, the next start stops the server.
 */
function startWatchdog(user: ServerUser, dir: string, socketDir: string): ChildProcess | undefined {
  if (WINDOWS) return undefined
  const pidFile = join(dir, 'postmaster.pid')
  const shell = user.start('/bin/sh', ['-c', WATCH, pidFile, socketDir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  shell.unref()
  shell.stdin?.on('error', () => {}) // somebody killed the shell; the server goes on
  return shell
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}
