// The engine: all logs of one database, and the publishing of those whose keys this process holds.
import { checkPublished } from './check-published.ts'
import { createLog } from './create-log.ts'
import { LogError } from './errors.ts'
import { createFeed } from './feed.ts'
import { createLifecycle } from './lifecycle.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { createLogInfos } from './log-infos.ts'
import type { Observer } from './observer.ts'
import { openLog, type OpenLog } from './open-log.ts'
import type { Clock, Guard, KeyRing, LogStore } from './ports.ts'
import { createPublishLoop } from './publish-loop.ts'
import { refusedAppend } from './refused-append.ts'
import { createStatusBoard } from './status.ts'
import type { LogInfo, Logs } from './types.ts'

export interface EnginePorts {
  readonly store: LogStore
  readonly guard: Guard
  readonly keys: KeyRing
  readonly clock: Clock
  readonly observer: Observer
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
  const { store, keys, clock, observer, report } = ports
  const feed = createFeed(store, async (logId, published) => {
    const info = (await store.logs()).find((log) => log.id === logId)
    if (info !== undefined) checkPublished(info, published)
  })
  const infos = createLogInfos(store)
  const lifecycle = createLifecycle({ store, keys, clock, infos })
  const board = createStatusBoard(
    feed,
    clock,
    options.heartbeat + Math.max(10 * options.publishInterval, 60_000),
  )
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
      for (const info of await store.logs()) await publishing.publish(info) // due or not: an old copy is noticed at the start
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
