// The engine: all logs of one database, and the publishing of those whose keys this process holds.
import { checkPublished } from './check-published.ts'
import { type Cosigners, NO_COSIGNERS } from './cosigners.ts'
import { createLog } from './create-log.ts'
import { LogError } from './errors.ts'
import { createFeed, type Feed } from './feed.ts'
import { createLifecycle } from './lifecycle.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { createLogInfos } from './log-infos.ts'
import type { Observer } from './observer.ts'
import { openLog, type OpenLog } from './open-log.ts'
import type { Clock, Guard, KeyRing, LogStore } from './ports.ts'
import { createPublishLoop } from './publish-loop.ts'
import { refusedAppend } from './refused-append.ts'
import { createStatusBoard } from './status.ts'
import type { LogInfo, LogProblem, Logs, Published, Quorum } from './types.ts'

export interface EnginePorts {
  readonly store: LogStore
  readonly guard: Guard
  readonly keys: KeyRing
  readonly clock: Clock
  readonly observer: Observer
  /** Nobody cosigns unless given. */
  readonly cosigners?: Cosigners
  /** What a check of the stored log found wrong: the level falls while there is anything. */
  readonly concerns?: (info: LogInfo) => readonly LogProblem[]
  /** Hears of every failure to publish or to follow, as often as it happens; `log` is a name. */
  readonly report: (error: unknown, log?: string) => void
}

export interface EngineOptions {
  /** Milliseconds between looks for something to publish. */
  readonly publishInterval: number
  /** Milliseconds after which an unchanged head is signed anew, so that silence is signed too. */
  readonly heartbeat: number
  /** Default origin of a new log: `<originPrefix>/logs/<name>`, a URL without scheme. */
  readonly originPrefix: string
  readonly limits?: Limits
  /** Bytes of memory for the tiles of a log, and again for its bundles. */
  readonly cacheBytes?: number
}

export interface Engine extends Logs {
  /** Starts publishing and following other publishers; resolves when every log's newest checkpoint is known. */
  start(): Promise<void>
  /** Stops after the round under way. */
  stop(): Promise<void>
}

/** A log that is created again or opened twice is one object: its pool and caches are per process. */
export function createEngine(ports: EnginePorts, options: EngineOptions): Engine {
  const { store, keys, clock, observer, report, cosigners = NO_COSIGNERS } = ports
  const feed = verifyingFeed(store, cosigners)
  const infos = createLogInfos(store)
  const lifecycle = createLifecycle({ store, keys, clock, infos })
  const board = createStatusBoard(feed, clock, cosigners, staleAfter(options, cosigners), ports.concerns)
  const opened = new Map<string, Promise<OpenLog>>()
  const publishing = createPublishLoop(ports, feed, board, {
    publishInterval: options.publishInterval,
    heartbeat: options.heartbeat,
    infos,
    onRecovered: (info) => void opened.delete(info.name), // what was read meanwhile is forgotten
  })
  let stopping: AbortController | undefined
  let loop: Promise<void> = Promise.resolve()
  const undo: (() => unknown)[] = []

  async function openNow(info: LogInfo): Promise<OpenLog> {
    if (feed.newest(info.id) === undefined) await feed.refresh(info.id)
    return openLog(
      info,
      {
        store,
        feed,
        observer,
        cosigners,
        now: () => infos.now(info),
        status: (log) => board.of(log),
        refusal: (log) => board.refusal(log.id) ?? refusedAppend(log),
      },
      { limits: options.limits ?? DEFAULT_LIMITS, cacheBytes: options.cacheBytes ?? 32 * 2 ** 20 },
    )
  }

  function opening(info: LogInfo): Promise<OpenLog> {
    const known = opened.get(info.name)
    if (known !== undefined) return known
    const log = openNow(info)
    opened.set(info.name, log)
    log.catch(() => opened.delete(info.name)) // a later call tries again
    return log
  }

  return {
    ...lifecycle,
    list: () => store.logs(),
    async open(name) {
      const known = opened.get(name)
      if (known !== undefined) return known
      const info = (await store.logs()).find((log) => log.name === name)
      if (info === undefined) throw new LogError('log_not_found', `there is no log "${name}"`)
      return opening(info)
    },
    async create(wanted) {
      const info = await createLog(wanted, ports, options.originPrefix)
      await infos.refresh()
      await publishing.publish(info)
      return info
    },
    async start() {
      undo.push(await infos.follow(report))
      undo.push(await feed.follow(report))
      // Due or not: an old copy is noticed at the start.
      await Promise.all((await store.logs()).map((info) => publishing.publish(info)))
      stopping = new AbortController()
      loop = publishing.run(stopping.signal)
    },
    async stop() {
      stopping?.abort()
      await loop
      for (const step of undo.splice(0).toReversed()) await step()
    },
  }
}

/** Milliseconds: a few publications may fail before anybody is told. */
function staleAfter({ heartbeat, publishInterval }: EngineOptions, { interval }: Cosigners): number {
  return Math.max(heartbeat, interval) + Math.max(10 * publishInterval, 60_000)
}

function verifyingFeed(store: LogStore, cosigners: Cosigners): Feed {
  return createFeed(store, async (logId, published) => {
    const info = (await store.logs()).find((log) => log.id === logId)
    if (info === undefined) return 'none'
    checkPublished(info, published)
    return quorumOf(cosigners, info, published)
  })
}

/** What cannot be judged does not count as cosigned; the status says why. @throws LogError `log_damaged` */
function quorumOf(cosigners: Cosigners, info: LogInfo, { note }: Published): Quorum {
  try {
    return cosigners.review(info, note).quorum
  } catch (error) {
    if (error instanceof LogError && error.code === 'policy_invalid') return 'missed'
    throw error
  }
}
