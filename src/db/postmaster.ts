// Which Postgres, if any, runs on a cluster's folder, by its postmaster.pid. A process id alone proves nothing: after a
// crash it may belong to another program. Only a server that works in the folder (Linux tells), or that accepts a connection
// where the file says, is alive.
import { once } from 'node:events'
import { readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { type NetConnectOpts, connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Postmaster {
  readonly pid: number
  readonly port: number
  /** Folder of its Unix socket; empty when it listens on TCP. */
  readonly socketDir: string
}

const POLL_MS = 50
/** The file is written before the socket exists and removed after it is closed: give both a moment. */
const SETTLE_MS = 5000

/**
 * The server that runs on the cluster in `dir`, or undefined. A postmaster.pid whose process is dead, or something else by
 * now, is removed: Postgres takes any process of that id, even a zombie, for a server and would refuse to start for ever.
 */
export async function livePostmaster(dir: string): Promise<Postmaster | undefined> {
  const file = join(dir, 'postmaster.pid')
  const deadline = Date.now() + SETTLE_MS
  for (;;) {
    const found = parsePidFile(file)
    if (!found) return undefined
    if (!processLives(found.pid)) break
    if (worksIn(found.pid, dir) || (await accepts(found))) return found
    if (Date.now() > deadline) break
    await sleep(POLL_MS)
  }
  rmSync(file, { force: true })
  return undefined
}

/** True when a process has this id, ours or not; a zombie has ended. */
export function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return !isZombie(pid)
}

/** proc_pid_stat(5): the state follows the name in parentheses. In a container nobody may collect the dead. */
function isZombie(pid: number): boolean {
  try {
    return /\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false // no such file on this system
  }
}

/** A postmaster's working directory is its cluster, even when somebody has cleaned its socket away. */
function worksIn(pid: number, dir: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dir)
  } catch {
    return false // no such link on this system, or not for us to see
  }
}

/** Lines of the file: pid, data directory, start time, port, socket directory, listen address, … */
function parsePidFile(file: string): Postmaster | undefined {
  try {
    const [pid, , , port, socketDir] = readFileSync(file, 'utf8').split('\n')
    const parsed = { pid: Number(pid), port: Number(port ?? 0), socketDir: socketDir ?? '' }
    return Number.isSafeInteger(parsed.pid) && parsed.pid > 0 ? parsed : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function accepts({ port, socketDir }: Postmaster): Promise<boolean> {
  if (!port) return false
  const where: NetConnectOpts = socketDir
    ? { path: join(socketDir, `.s.PGSQL.${port}`) }
    : { host: '127.0.0.1', port }
  const socket = connect(where)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false // nobody listens there
  } finally {
    socket.destroy()
  }
}
