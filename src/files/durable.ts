// Files that are there after a power cut: content first, then the name.
import { randomBytes } from 'node:crypto'
import { link, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'

/**
 * Replaces a file in one step: readers see the old bytes or the new ones, and the new ones are on disk on return.
 * @param mode permissions of the new file
 * @param last runs right before the replacement, which does not happen if it throws
 */
export async function replaceFile(
  path: string,
  bytes: Uint8Array,
  mode: number,
  last: () => Promise<void> = async () => {},
): Promise<void> {
  await writeBeside(path, bytes, mode, async (next) => {
    await last()
    await rename(next, path)
  })
}

/**
 * Creates a file that must not exist, with all its bytes or not at all: a crash leaves no half of it.
 * @throws NodeJS.ErrnoException `EEXIST`
 */
export async function createFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  await writeBeside(path, bytes, mode, (next) => link(next, path))
}

/** A lock file that nobody touched for so long was left behind; milliseconds. */
const STALE = 30_000

/** The lock was taken away: this process stood still for so long that it passed for dead, or another one thought so. */
export class LockLostError extends Error {
  readonly code = 'EEXIST'
}

/**
 * Runs `work` while no other process runs one under the lock of the same path. A process that was killed holds no lock.
 * @param work given what throws LockLostError unless the lock is still held; to be asked right before what must not be done twice
 * @throws NodeJS.ErrnoException `EEXIST` while another process holds it
 */
export async function withLock<T>(
  path: string,
  work: (stillHeld: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const lock = `${path}.lock`
  if (await isLeftBehind(lock)) await rm(lock, { force: true })
  const owner = `${hostname()} ${process.pid} ${randomBytes(8).toString('hex')}`
  const isOurs = async (): Promise<boolean> => (await readFile(lock, 'utf8').catch(() => '')) === owner
  await createFile(lock, new TextEncoder().encode(owner), 0o600)
  const touching = setInterval(() => void touch(lock), STALE / 3).unref()
  try {
    return await work(async () => {
      if (!(await isOurs())) throw new LockLostError(`${lock} was taken by another process`)
    })
  } finally {
    clearInterval(touching)
    if (await isOurs()) await rm(lock, { force: true })
  }
}

/** Best effort: whoever holds a lock for long has to be seen holding it. */
async function touch(lock: string): Promise<void> {
  const now = new Date()
  await utimes(lock, now, now).catch(() => undefined)
}

async function isLeftBehind(lock: string): Promise<boolean> {
  const held = await stat(lock).catch(() => undefined)
  if (held === undefined) return false
  if (Date.now() - held.mtimeMs > STALE) return true
  const owner = /^(.+) ([0-9]+)(?: [0-9a-f]+)?$/.exec(await readFile(lock, 'utf8').catch(() => ''))
  return owner !== null && owner[1] === hostname() && !isAlive(Number(owner[2]))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH') // another user's process is alive too
  }
}

/** Writes a file of a name that nobody else uses, so that two processes never write into one, and has it take its place. */
async function writeBeside(
  path: string,
  bytes: Uint8Array,
  mode: number,
  place: (next: string) => Promise<void>,
): Promise<void> {
  const next = `${path}.${randomBytes(6).toString('hex')}.next`
  try {
    const file = await open(next, 'wx', mode)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await place(next)
  } finally {
    await rm(next, { force: true })
  }
  await syncFolder(dirname(path))
}

/** A file's bytes; undefined when there is no such file, and only then. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Makes names that were created or removed in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return // a folder cannot be opened there
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
