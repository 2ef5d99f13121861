// Brings the mirrors of our own logs what is published, in the background: publishing never waits for a mirror. Each mirror of
// each log has a course of its own, so that a slow one holds up nobody.
import { type NoteSignature, parseNote } from '../core/note.ts'
import type { LogStore } from '../log/ports.ts'
import type { Log, Logs, Published } from '../log/types.ts'
import { ownSignatures, sourceOfLog } from './log-source.ts'
import type { MirrorAddress } from './mirrors-file.ts'
import { type MirrorMemory, pushLog } from './push-log.ts'

export interface FollowLogsDeps {
  readonly logs: Pick<Logs, 'open'>
  readonly store: Pick<LogStore, 'addCosignatures'>
  /** The mirrors of a log, as they are now. */
  readonly mirrorsOf: (log: string) => readonly MirrorAddress[]
  /** Told after each try how far the mirror is behind, and why it failed. */
  readonly onPush: (log: string, mirror: string, behind: number, failure: unknown) => void
  readonly report: (error: unknown, log: string) => void
  /** Milliseconds for one request to a mirror; 120,000 unless given. */
  readonly timeout?: number
}

/** A mirror of a log, as operators see it. */
export interface MirrorStatus {
  readonly log: string
  readonly mirror: string
  /** Size up to which it has signed; undefined before it has. */
  readonly size: number | undefined
  /** Entries of the newest checkpoint that it has not signed. */
  readonly behind: number
  /** Why the last try failed, if it did. */
  readonly problem: string | undefined
}

export interface LogFollower {
  /** A checkpoint of this log was published, or may have been. Never throws, never waits. */
  wake(log: string): void
  status(): MirrorStatus[]
  /** Ends what is under way. */
  stop(): Promise<void>
}

const TIMEOUT = 120_000
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 60_000

export function followLogs(deps: FollowLogsDeps): LogFollower {
  const courses = new Map<string, Course>()
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()

  async function wakeAll(name: string): Promise<void> {
    const mirrors = deps.mirrorsOf(name)
    for (const [key, course] of courses) {
      if (course.log === name && !mirrors.some(({ url }) => url === course.mirror)) courses.delete(key)
    }
    if (mirrors.length === 0) return
    const log = await deps.logs.open(name)
    for (const mirror of mirrors) {
      const key = `${name} ${mirror.url}`
      const known = courses.get(key)
      const same = known !== undefined && known.vkeys === mirror.vkeys.join(' ')
      const course = same ? known : createCourse(log, mirror, deps, stopping.signal)
      courses.set(key, course)
      course.wake(log)
    }
  }

  return {
    wake(name) {
      if (stopping.signal.aborted) return
      const waking = wakeAll(name).catch((error: unknown) => deps.report(error, name))
      underWay.add(waking)
      void waking.finally(() => underWay.delete(waking))
    },
    status: () => [...courses.values()].map((course) => course.status()),
    async stop() {
      stopping.abort()
      await Promise.all(underWay)
      await Promise.all([...courses.values()].map((course) => course.ended()))
    },
  }
}

interface Course {
  readonly log: string
  readonly mirror: string
  readonly vkeys: string
  wake(log: Log): void
  status(): MirrorStatus
  ended(): Promise<void>
}

/** Pushes one log to one mirror until it has the newest checkpoint; after a failure again, later and later. */
function createCourse(first: Log, mirror: MirrorAddress, deps: FollowLogsDeps, signal: AbortSignal): Course {
  const { name } = first.info
  const memory: MirrorMemory = { pending: 0, next: undefined }
  let log = first
  let running: Promise<void> | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let pushed: Published | undefined
  let failures = 0
  let problem: string | undefined

  /** Undefined before anything was published. */
  function newest(): Published | undefined {
    try {
      return log.published()
    } catch {
      return undefined
    }
  }
  const behind = (): number => (newest()?.size ?? 0) - (pushed?.size ?? 0)
  const isDue = (): boolean => !signal.aborted && newest()?.seq !== pushed?.seq

  async function run(): Promise<void> {
    for (let next = newest(); next !== undefined && isDue(); next = newest()) {
      await pushPublished(log, next, mirror, memory, deps, signal)
      pushed = next
      failures = 0
      problem = undefined
      deps.onPush(name, mirror.url, behind(), undefined)
    }
  }

  function failed(error: unknown): void {
    if (signal.aborted) return
    problem = error instanceof Error ? error.message : String(error)
    deps.onPush(name, mirror.url, behind(), error)
    deps.report(error, name)
    retry = setTimeout(start, Math.min(FIRST_PAUSE * 2 ** failures++, LONGEST_PAUSE))
    retry.unref()
  }

  function start(): void {
    retry = undefined
    if (running !== undefined || signal.aborted) return
    running = run()
      .catch(failed)
      .then(() => {
        running = undefined
        if (retry === undefined && isDue()) start() // published since it looked last
      })
  }

  signal.addEventListener('abort', () => clearTimeout(retry), { once: true })
  return {
    log: name,
    mirror: mirror.url,
    vkeys: mirror.vkeys.join(' '),
    wake(current) {
      log = current
      if (retry === undefined) start()
    },
    status: () => ({ log: name, mirror: mirror.url, size: pushed?.size, behind: behind(), problem }),
    ended: () => running ?? Promise.resolve(),
  }
}

/** Brings a published checkpoint to the mirror, and adds the mirror's signatures to it. */
async function pushPublished(
  log: Log,
  published: Published,
  { url, vkeys }: MirrorAddress,
  memory: MirrorMemory,
  { store, timeout = TIMEOUT }: FollowLogsDeps,
  signal: AbortSignal,
): Promise<void> {
  const checkpoint = ownSignatures(published.note, log.info.vkeys)
  const source = { ...sourceOfLog(log), checkpoint: () => Promise.resolve(checkpoint) }
  const { signatures } = await pushLog(source, { url, vkeys, timeout, signal }, memory)
  await store.addCosignatures(log.info.id, published.seq, newTo(published, signatures))
}

function newTo({ note }: Published, signatures: readonly NoteSignature[]): NoteSignature[] {
  const there = parseNote(note).signatures
  return signatures.filter(
    ({ name, keyId }) => !there.some((one) => one.name === name && one.keyId === keyId),
  )
}
