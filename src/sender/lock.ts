// One process per folder. A dead owner on this machine is known at once by its process; one in another container or on another
// machine by a file that it stopped touching. Neither relies on clocks of two machines being equal.
import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { createFile } from '../files/durable.ts'
import { SenderError } from './errors.ts'

/** How often the owner touches its lock, and how long a lock that nobody touches is respected; milliseconds. */
const BEAT = 2_000
const STALE = 15_000
const POLL = 250

export interface FolderLock {
  /** @throws SenderError `lock_lost`. Reads the file only when the last beat is so old that the lock may have been taken. */
  assertHeld(): Promise<void>
  release(): Promise<void>
}

type Owner = {
  readonly host: string
  readonly pid: number
  /** Distinguishes processes that had the same id one after the other: the namespace of the id, and the start of the process. */
  readonly space: string
  readonly start: string
  readonly token: string
}

/**
 * Takes the lock of a folder; waits for up to 15 s where it cannot tell whether the owner still lives.
 * @throws SenderError `spool_locked` as soon as the owner is seen alive
 */
export async function lockFolder(path: string): Promise<FolderLock> {
  const owner = ownerHere()
  const text = formatOwner(owner)
  for (;;) {
    try {
      await createFile(path, new TextEncoder().encode(text), 0o600)
      return heldLock(path, text)
    } catch (error) {
      if (!isExisting(error)) throw error
      await removeLeftBehind(path, owner)
    }
  }
}

function heldLock(path: string, text: string): FolderLock {
  let beaten = performance.now()
  let lost = false
  const check = async (): Promise<void> => {
    lost ||= (await readFile(path, 'utf8').catch(() => '')) !== text
    if (lost) {
      const message = `${path} was taken by another process: this one stood still for too long. Start the sender anew.`
      throw new SenderError('lock_lost', message, { file: path })
    }
  }
  const beat = async (): Promise<void> => {
    await check()
    const now = new Date()
    await utimes(path, now, now)
    beaten = performance.now()
  }
  const timer = setInterval(() => void beat().catch(() => undefined), BEAT).unref()
  return {
    async assertHeld() {
      if (lost || performance.now() - beaten > STALE / 2) await beat()
    },
    async release() {
      clearInterval(timer)
      if ((await readFile(path, 'utf8').catch(() => '')) === text) await rm(path, { force: true })
    },
  }
}

/** Resolves when the lock is gone, or was taken away from a dead owner. @throws SenderError `spool_locked` */
async function removeLeftBehind(path: string, self: Owner): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const owner = parseOwner(text)
  const state = owner ? stateOf(owner, self) : 'unknown'
  if (state === 'alive') throw locked(path, owner)
  if (state === 'unknown' && !(await isSilent(path, owner))) return
  // Of two who saw it left behind, the slower one may have moved away the new lock of the faster one: then it goes back.
  const aside = `${path}.${self.token}`
  await rename(path, aside).catch(() => undefined)
  const moved = await readFile(aside, 'utf8').catch(() => undefined)
  if (moved !== undefined && moved !== text) await rename(aside, path)
  await rm(aside, { force: true })
}

/** False when the lock was released meanwhile. @throws SenderError `spool_locked` when it was touched */
async function isSilent(path: string, owner: Owner | undefined): Promise<boolean> {
  const before = await stat(path).catch(() => undefined)
  for (let waited = 0; waited < STALE; waited += POLL) {
    await new Promise((resolve) => {
      setTimeout(resolve, POLL)
    })
    const now = await stat(path).catch(() => undefined)
    if (before === undefined || now === undefined) return false
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) throw locked(path, owner)
  }
  return true
}

function stateOf(owner: Owner, self: Owner): 'alive' | 'dead' | 'unknown' {
  if (owner.host !== self.host || owner.space !== self.space) return 'unknown'
  if (startOf(owner.pid) !== owner.start) return 'dead'
  return isAlive(owner.pid) ? 'alive' : 'dead'
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH') // another user's process is alive too
  }
}

function ownerHere(): Owner {
  return {
    host: hostname(),
    pid: process.pid,
    space: processSpace(),
    start: startOf(process.pid),
    token: randomUUID(),
  }
}

/** On Linux, ids of processes mean something only within this boot and namespace. Elsewhere one machine is one space. */
function processSpace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return process.platform
  }
}

/** Start of a process, in ticks since boot; empty when it has ended or the system does not say. */
function startOf(pid: number): string {
  try {
    // The name of the program, in parentheses, may hold spaces: fields are counted after it. State is field 3, start field 22.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')
    return fields?.[0] === 'Z' ? '' : (fields?.[19] ?? '')
  } catch {
    return ''
  }
}

function formatOwner({ host, pid, space, start, token }: Owner): string {
  return `${[host, pid, space, start, token].join('\n')}\n`
}

function parseOwner(text: string): Owner | undefined {
  const [host, pid, space, start, token, end] = text.split('\n')
  if (host === undefined || space === undefined || start === undefined || token === undefined)
    return undefined
  if (pid === undefined || !/^[0-9]{1,10}$/.test(pid) || end !== '') return undefined
  return { host, pid: Number(pid), space, start, token }
}

function locked(path: string, owner: Owner | undefined): SenderError {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : 'another process'
  const message = `The spool is in use by ${who} (${path}). Give each process a folder of its own.`
  return new SenderError('spool_locked', message, {
    file: path,
    ...(owner ? { pid: owner.pid, host: owner.host } : {}),
  })
}

function isExisting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}
