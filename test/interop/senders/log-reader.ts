// What is in the log afterwards, as anybody with the right to sees it.
import { setTimeout as sleep } from 'node:timers/promises'

export interface Found {
  /** Entries of the log. */
  readonly size: number
  /** Indexes by what the sender calls its event, `<sender>-<five digits>`. */
  readonly indexes: ReadonlyMap<string, readonly number[]>
  /** Views of entries that belong to no sender, or to several. */
  readonly strange: readonly string[]
}

export interface LogReader {
  /** Reads what was published since the last time. */
  read(): Promise<Found>
}

const AT_ONCE = 8
const NAME = /\b[a-z]+(?:-[a-z]+)*-\d{5}\b/g

/** @param log URL of the log @param key may search, and reveal personal fields @param senders names before the numbers */
export function readerOf(log: string, key: string, senders: readonly string[]): LogReader {
  const indexes = new Map<string, number[]>()
  const strange: string[] = []
  let size = 0

  async function get(path: string): Promise<string> {
    for (let tries = 0; ; tries++) {
      const answer = await fetch(log + path, { headers: { authorization: `Bearer ${key}` } })
      const text = await answer.text()
      if (answer.status === 200) return text
      if (answer.status !== 503 || tries === 30) throw new Error(`${path}: ${answer.status} ${text}`)
      await sleep(1_000)
    }
  }
  function take(index: number, view: string): void {
    const names = new Set((view.match(NAME) ?? []).filter((name) => senders.includes(name.slice(0, -6))))
    const [name] = names
    if (name === undefined || names.size > 1) strange.push(`${index}: ${view}`)
    else indexes.set(name, [...(indexes.get(name) ?? []), index])
  }
  return {
    async read() {
      const end = Number((await get('/checkpoint')).split('\n')[1])
      for (; size < end; size = Math.min(size + AT_ONCE, end)) {
        const some = Array.from({ length: Math.min(AT_ONCE, end - size) }, (_, i) => size + i)
        const views = await Promise.all(some.map((index) => get(`/events/${index}?reveal=true`)))
        views.forEach((view, i) => take(size + i, view))
      }
      return { size, indexes, strange }
    },
  }
}
