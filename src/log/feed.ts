// The newest published checkpoint of each log, as this process knows it, and who waits for it. Fed by this process's
// publisher, by notifications from others, and by a slow poll that makes up for lost ones.
import { LogError } from './errors.ts'
import type { LogStore } from './ports.ts'
import type { Published, Quorum } from './types.ts'

const POLL_MS = 1000

/** What somebody waits for: a checkpoint that covers the index, and perhaps has the cosignatures that the policy asks for. */
export interface Wanted {
  readonly index: number
  readonly witnessed?: boolean
}

interface Waiter {
  readonly wanted: Wanted
  readonly resolve: (published: Published) => void
}

export interface Feed {
  newest(logId: number): Published | undefined
  /** Takes in a checkpoint; what is not newer than the newest known, or the same with more cosignatures, is ignored. */
  offer(logId: number, published: Published): void
  /** Logs whose newest checkpoint in the store is older than one that was seen there: the database is another copy. */
  rewound(): readonly number[]
  /** Why the newest checkpoint in the store is not believed, if it is not. */
  refused(logId: number): LogError | undefined
  /** Reads the newest checkpoint from the store, and takes it in if it verifies. */
  refresh(logId: number): Promise<void>
  /** Resolves once there is a checkpoint as wanted. @throws LogError `wait_timeout` when `signal` aborts */
  wait(logId: number, wanted: Wanted, signal: AbortSignal): Promise<Published>
  /** Follows other processes until stopped. `onError` hears of failed polls; the next one tries again. */
  follow(onError: (error: unknown) => void): Promise<() => Promise<void>>
}

/** @param verify what its cosignatures are worth; throws LogError `log_damaged` for a checkpoint that the log's keys did not sign */
export function createFeed(
  store: LogStore,
  verify: (logId: number, published: Published) => Promise<Quorum>,
): Feed {
  const newest = new Map<number, Published>()
  const waiters = createWaiters()
  const refused = new Map<number, LogError>()
  let rewound: readonly number[] = []
  /** Late cosignatures of the newest checkpoint, as of the last poll. */
  const late = new Map<number, string>()

  function offer(logId: number, published: Published): void {
    if (!isNews(published, newest.get(logId))) return
    newest.set(logId, published)
    refused.delete(logId)
    waiters.tell(logId, published)
  }

  async function refresh(logId: number): Promise<void> {
    const published = await store.published(logId)
    if (published === undefined || !isNews(published, newest.get(logId))) return
    try {
      offer(logId, { ...published, quorum: await verify(logId, published) })
    } catch (error) {
      if (!(error instanceof LogError && error.code === 'log_damaged')) throw error
      refused.set(logId, error)
    }
  }

  async function poll(): Promise<void> {
    const positions = await store.publishedPositions()
    rewound = positions
      .filter(({ logId, seq }) => seq < (newest.get(logId)?.seq ?? -1))
      .map(({ logId }) => logId)
    for (const { logId, seq, late: count } of positions) {
      const more = count > 0 && late.get(logId) !== `${seq} ${count}`
      if (more || seq > (newest.get(logId)?.seq ?? -1)) await refresh(logId)
      late.set(logId, `${seq} ${count}`)
    }
  }

  return {
    newest: (logId) => newest.get(logId),
    rewound: () => rewound,
    refused: (logId) => refused.get(logId),
    offer,
    refresh,
    wait(logId, wanted, signal) {
      const known = newest.get(logId)
      if (known !== undefined && isWanted(known, wanted)) return Promise.resolve(known)
      return waiters.wait(logId, wanted, signal)
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

/** A checkpoint keeps its signatures and gets more: the longer note is the newer one. */
function isNews(published: Published, known: Published | undefined): boolean {
  if (known === undefined || published.seq !== known.seq) return published.seq > (known?.seq ?? -1)
  return published.note.length > known.note.length
}

function isWanted({ size, quorum }: Published, { index, witnessed }: Wanted): boolean {
  return size > index && (witnessed !== true || quorum === 'met')
}

/** Who waits for which checkpoint, by log. */
function createWaiters() {
  const waiters = new Map<number, Set<Waiter>>()
  return {
    tell(logId: number, published: Published): void {
      const waiting = waiters.get(logId)
      for (const waiter of waiting ?? []) {
        if (!isWanted(published, waiter.wanted)) continue
        waiting?.delete(waiter)
        waiter.resolve(published)
      }
    },
    wait(logId: number, wanted: Wanted, signal: AbortSignal): Promise<Published> {
      return new Promise((resolve, reject) => {
        const waiting = waiters.get(logId) ?? new Set()
        waiters.set(logId, waiting)
        const onAbort = (): void => {
          waiting.delete(waiter)
          reject(
            new LogError(
              'wait_timeout',
              `entry ${wanted.index} is committed, but no ${wanted.witnessed === true ? 'witnessed ' : ''}checkpoint covered it in time: ask for its proof later`,
              { index: wanted.index },
            ),
          )
        }
        const waiter: Waiter = {
          wanted,
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
