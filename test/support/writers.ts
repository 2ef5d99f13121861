// Clients that append over HTTP and do not give up: each entry is sent again until it is acknowledged.
import { setTimeout as sleep } from 'node:timers/promises'

export interface Writers {
  /** Index by entry, of everything acknowledged. */
  readonly acknowledged: ReadonlyMap<string, number>
  /** Answers other than 200, by status; `0` is a broken connection. */
  readonly refused: ReadonlyMap<number, number>
  /** Resolves when `count` more entries were acknowledged from now on. @throws when that takes 60 s */
  more(count: number): Promise<void>
  /** Ends them after their entry under way. */
  stop(): Promise<void>
}

/** @param target where writer `i` sends its entries at this moment: services come and go */
export function startWriters(count: number, target: (writer: number) => string, key: () => string): Writers {
  const acknowledged = new Map<string, number>()
  const refused = new Map<number, number>()
  let stopped = false

  async function sendOnce(writer: number, entry: string): Promise<boolean> {
    let status = 0
    try {
      const response = await fetch(`${target(writer)}/logs/default/add`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key()}` },
        body: entry,
        signal: AbortSignal.timeout(15_000),
      })
      const text = await response.text()
      status = response.status
      if (status === 200) {
        acknowledged.set(entry, Number(text))
        return true
      }
    } catch {
      status = 0
    }
    refused.set(status, (refused.get(status) ?? 0) + 1)
    return false
  }

  async function write(writer: number): Promise<void> {
    for (let n = 0; !stopped; n++) {
      const entry = `writer ${writer} entry ${n} ${'x'.repeat((n * 37) % 200)}`
      while (!(await sendOnce(writer, entry))) {
        if (stopped) return
        await sleep(20)
      }
    }
  }

  const writing = Promise.all(Array.from({ length: count }, (_, writer) => write(writer)))
  return {
    acknowledged,
    refused,
    async more(wanted) {
      const goal = acknowledged.size + wanted
      const deadline = Date.now() + 60_000
      while (acknowledged.size < goal) {
        if (Date.now() > deadline) throw new Error(`nobody acknowledged ${wanted} entries within 60 s`)
        await sleep(2)
      }
    },
    async stop() {
      stopped = true
      await writing
    },
  }
}
