// The engine: all logs of one database, and the publishing of those whose keys this process holds.
import { verifierOf } from '../core/signer.ts'
import { checkPublished } from './check-published.ts'
import { LogError } from './errors.ts'
import { createFeed } from './feed.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import type { Observer } from './observer.ts'
import { openLog, type OpenLog } from './open-log.ts'
import type { Clock, Guard, KeyRing, LogStore } from './ports.ts'
import { createPublishLoop } from './publish-loop.ts'
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
  const board = createStatusBoard(
    feed,
    clock,
    options.heartbeat + Math.max(10 * options.publishInterval, 60_000),
  )
  const opened = new Map<string, Promise<OpenLog>>()
  const publishing = createPublishLoop(ports, feed, board, {
    publishInterval: options.publishInterval,
    heartbeat: options.heartbeat,
    onRecovered: (info) => void opened.delete(info.name), // what was read meanwhile is forgotten
  })
  let stopping: AbortController | undefined
  let loop: Promise<void> = Promise.resolve()
  let unfollow: () => Promise<void> = async () => {}

  async function openNow(info: LogInfo): Promise<OpenLog> {
    if (feed.newest(info.id) === undefined) await feed.refresh(info.id)
    return openLog(
      info,
      { store, feed, observer, status: (log) => board.of(log), refusal: (log) => board.refusal(log.id) },
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
    list: () => store.logs(),
    async open(name) {
      const known = opened.get(name)
      if (known !== undefined) return known
      const info = (await store.logs()).find((log) => log.name === name)
      if (info === undefined) throw new LogError('log_not_found', `there is no log "${name}"`)
      return opening(info)
    },
    async create({
      name,
      origin = `${options.originPrefix}/logs/${name}`,
      public: isPublic = false,
      dedup = true,
    }) {
      checkName(name)
      // Before there are keys: a key file of a log that is not ours would stop us from serving the one that is.
      const taken = (await store.logs()).find((log) => log.name === name || log.origin === origin)
      if (taken !== undefined) {
        throw new LogError(
          'log_exists',
          `a log "${taken.name}" with origin ${taken.origin} exists: choose another name`,
        )
      }
      const signers = await keys.create(name, origin)
      const vkeys = signers.map((signer) => signer.vkey)
      for (const vkey of vkeys) verifierOf(vkey) // never store what no client could use
      const info = await store.createLog({ name, origin, public: isPublic, dedup, vkeys })
      await publishing.publish(info)
      return info
    },
    async start() {
      unfollow = await feed.follow(report)
      for (const info of await store.logs()) await publishing.publish(info) // due or not: an old copy is noticed at the start
      stopping = new AbortController()
      loop = publishing.run(stopping.signal)
    },
    async stop() {
      stopping?.abort()
      await loop
      await unfollow()
    },
  }
}

/** @throws LogError `invalid_log_name` */
function checkName(name: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new LogError(
      'invalid_log_name',
      `"${name}" is not a log name: use 1 to 63 of a-z, 0-9 and -, not - at either end`,
    )
  }
}
