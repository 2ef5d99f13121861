// One log, as the transports see it (types.ts Log): pool and sequencer are the way in, feed and reader the way out.
import type { Cosigners } from './cosigners.ts'
import { LogError } from './errors.ts'
import type { Feed } from './feed.ts'
import type { Limits } from './limits.ts'
import type { Observer } from './observer.ts'
import { createPool } from './pool.ts'
import type { LogStore } from './ports.ts'
import { createProver } from './prover.ts'
import { createReader } from './reader.ts'
import { createSequencer } from './sequencer.ts'
import { createTileCache, type TileCache } from './tile-cache.ts'
import type { Appended, Log, LogInfo, LogStatus, Published } from './types.ts'

export interface OpenLogPorts {
  readonly store: LogStore
  readonly feed: Feed
  readonly observer: Observer
  /** The log as it is now. */
  readonly now: () => LogInfo
  readonly cosigners: Cosigners
  readonly status: (info: LogInfo) => LogStatus
  /** Why the log takes no entries at the moment, if it does not. */
  readonly refusal: (info: LogInfo) => LogError | undefined
}

export interface OpenLogOptions {
  readonly limits: Limits
  /** Bytes of memory for tiles, and again for bundles. */
  readonly cacheBytes: number
}

export interface OpenLog extends Log {
  readonly tiles: TileCache
}

export function openLog(
  info: LogInfo,
  { store, feed, observer, cosigners, now, status, refusal }: OpenLogPorts,
  { limits, cacheBytes }: OpenLogOptions,
): OpenLog {
  const pool = createPool(limits)
  const sequencer = createSequencer(info, pool, store, observer)
  const tiles = createTileCache(info.id, store, cacheBytes)

  function published(): Published {
    const newest = feed.newest(info.id)
    if (newest === undefined) {
      throw new LogError(
        'not_published',
        `log ${info.name} has no published checkpoint yet: try again in a second`,
      )
    }
    return newest
  }

  return {
    ...createProver(tiles, published),
    ...createReader(info, store, tiles, published, cacheBytes),
    get info() {
      return now()
    },
    tiles,
    get waiting() {
      return pool.waiting
    },
    async append(entries, sidecars) {
      if (entries.length === 0) return []
      const started = performance.now()
      try {
        const refused = refusal(now())
        if (refused !== undefined) throw refused
        const pending = pool.add(entries, sidecars)
        sequencer.kick()
        const appended = await pending
        observer.appended(
          info.name,
          entries.length,
          duplicatesOf(appended),
          (performance.now() - started) / 1000,
        )
        return appended
      } catch (error) {
        observer.refused(info.name, error instanceof LogError ? error.code : 'unexpected')
        throw error
      }
    },
    waitPublished: (index, signal) => feed.wait(info.id, { index }, signal),
    waitWitnessed: (index, signal) => feed.wait(info.id, { index, witnessed: true }, signal),
    policy: () => cosigners.policyOf(now()),
    published,
    history: (limit, beforeSeq) => store.history(info.id, limit, beforeSeq ?? published().seq + 1),
    status: () => status(now()),
  }
}

function duplicatesOf(appended: readonly Appended[]): number {
  let duplicates = 0
  for (const { duplicate } of appended) if (duplicate) duplicates++
  return duplicates
}
