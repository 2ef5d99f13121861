// Logs as they are now: whoever holds an open log must notice within a second that another process changed it.
import type { LogStore } from './ports.ts'
import type { LogInfo } from './types.ts'

const POLL_MS = 1000

export interface LogInfos {
  /** The log as it was last read. */
  now(info: LogInfo): LogInfo
  /** All logs as they were last read. */
  all(): Iterable<LogInfo>
  refresh(): Promise<void>
  /** Follows other processes until stopped; has read all once when it resolves. `onError` hears of failed polls; the next one tries again. */
  follow(onError: (error: unknown) => void): Promise<() => void>
}

export function createLogInfos(store: LogStore): LogInfos {
  const known = new Map<number, LogInfo>()
  let changes = -1

  async function refresh(): Promise<void> {
    for (const info of await store.logs()) {
      // Two reads may end in the other order than they began.
      if (info.revision >= (known.get(info.id)?.revision ?? 0)) known.set(info.id, info)
    }
  }

  async function poll(): Promise<void> {
    const count = await store.changeCount()
    if (count === changes) return
    await refresh()
    changes = count // counted before they were read: what came between is read again
  }

  return {
    now: (info) => known.get(info.id) ?? info,
    all: () => known.values(),
    refresh,
    async follow(onError) {
      await poll()
      const timer = setInterval(() => void poll().catch(onError), POLL_MS)
      return () => clearInterval(timer)
    },
  }
}
