// The newest published checkpoint of each log, as this process knows it, and who waits for it. Fed by this process's
// publisher, by notifications from others, and by a slow poll that makes up for lost ones.
import { LogError } from './errors.ts'
import type { LogStore } from './ports.ts'
import type { Published } from './types.ts'

const POLL_MS = 1000

interface Waiter {
  readonly index: number
  readonly resolve: (published: Published) => void
}

export interface Feed {
  newest(logId: number): Published | undefined
  /** Takes in a checkpoint; older ones than the newest known are ignored. */
  offer(logId: number, published: Published): void
  /** Logs whose newest checkpoint in the store is older than one that was seen there: the database is another copy. */
  rewound(): readonly number[]
  /** Why the newest checkpoint in the store is not believed, if it is not. */
  refused(logId: number): LogError | undefined
  /** Reads the newest checkpoint from the store, and takes it in if it verifies. */
  refresh(logId: number): Promise<void>
  /** Resolves once a checkpoint covers `index`. @throws LogError `wait_timeout` when `signal` aborts */
  wait(logId: number, index: number, signal: AbortSignal): Promise<Published>
  /** Follows other processes until stopped. `onError` hears of failed polls; the next one tries again. */
  follow(onError: (error: unknown) => void): Promise<() => Promise<void>>
}

/** @param verify throws LogError `log_damaged` for a checkpoint that the log's keys did not sign */
export function createFeed(
  store: LogStore,
  verify: (logId: number, published: Published) => Promise<void>,
): Feed {
  const newest = new Map<number, Published>()
  const waiters = createWaiters()
  const refused = new Map<number, LogError>()
  let rewound: readonly number[] = []

  function offer(logId: number, published: Published): void {
    if (published.seq <= (newest.get(logId)?.seq ?? -1)) return
    newest.set(logId, published)
    waiters.tell(logId, published)
  }

  async function refresh(logId: number): Promise<void> {
    const published = await store.published(logId)
    if (published === undefined || published.seq <= (newest.get(logId)?.seq ?? -1)) return
    try {
      await verify(logId, published)
    } catch (error) {
      if (!(error instanceof LogError && error.code === 'log_damaged')) throw error
      refused.set(logId, error)
      return
    }
    refused.delete(logId)
    offer(logId, published)
  }

  async function poll(): Promise<void> {
    const positions = await store.publishedPositions()
    rewound = positions
      .filter(({ logId, seq }) => seq < (newest.get(logId)?.seq ?? -1))
      .map(({ logId }) => logId)
    for (const { logId, seq } of positions) {
      if (seq > (newest.get(logId)?.seq ?? -1)) await refresh(logId)
    }
  }

  return {
    newest: (logId) => newest.get(logId),
    rewound: () => rewound,
    refused: (logId) => refused.get(logId),
    offer,
    refresh,
    wait(logId, index, signal) {
      const known = newest.get(logId)
      if (known !== undefined && known.size > index) return Promise.resolve(known)
      return waiters.wait(logId, index, signal)
    },
    async follow(onError) {
      const tick = (): void => void poll().catch(onError)
      const unlisten = await store.onPublished((logId) => void refresh(logId).catch(onError))
      await poll()
      const timer = setInterval(tick, POLL_MS)
      return async () => {
        clearInterval(timer)
        await unlisten()
      }
    },
  }
}

/** Who waits for a checkpoint that covers an index, by log. */
function createWaiters() {
  const waiters = new Map<number, Set<Waiter>>()
  return {
    tell(logId: number, published: Published): void {
      const waiting = waiters.get(logId)
      for (const waiter of waiting ?? []) {
        if (published.size <= waiter.index) continue
        waiting?.delete(waiter)
        waiter.resolve(published)
      }
    },
    wait(logId: number, index: number, signal: AbortSignal): Promise<Published> {
      return new Promise((resolve, reject) => {
        const waiting = waiters.get(logId) ?? new Set()
        waiters.set(logId, waiting)
        const onAbort = (): void => {
          waiting.delete(waiter)
          reject(
            new LogError(
              'wait_timeout',
              `entry ${index} is committed, but no checkpoint covered it in time: ask for its proof later`,
              { index },
            ),
          )
        }
        const waiter: Waiter = {
          index,
          resolve(published) {
            signal.removeEventListener('abort', onAbort)
            resolve(published)
          },
        }
        if (signal.aborted) return onAbort()
        signal.addEventListener('abort', onAbort, { once: true })
        waiting.add(waiter)
      })
    },
  }
}
