import { equalBytes } from '../core/bytes.ts'
// Lists of logs to witness, read again and again: what is new in them becomes known.
import { parseLogList } from '../core/log-list.ts'
import type { Database } from '../db/connect.ts'
import { addLogs } from './add-logs.ts'

export interface LogLists {
  /** Stops reading; resolves when none is being read. */
  close(): Promise<void>
}

export interface LogListsDeps {
  readonly db: Database
  readonly ownName: string
  /** The bytes of a list. */
  readonly read: (source: string) => Promise<Uint8Array>
  /** Told after each reading. */
  readonly onRead: (source: string, outcome: ListOutcome) => void
  /** Milliseconds between readings. */
  readonly interval: number
}

export type ListOutcome =
  | { readonly added: readonly string[]; readonly otherKey: readonly string[] }
  | { readonly failure: unknown }

/** Reads all lists once, and then every `interval`. A list that fails is told, and tried again. */
export async function followLogLists(sources: readonly string[], deps: LogListsDeps): Promise<LogLists> {
  const before = new Map<string, Uint8Array>()

  async function readOne(source: string): Promise<ListOutcome> {
    const bytes = await deps.read(source)
    const last = before.get(source)
    if (last && equalBytes(last, bytes)) return { added: [], otherKey: [] }
    const outcome = await addLogs(deps.db, parseLogList(bytes), source, {
      ownName: deps.ownName,
      moreKeys: false,
    })
    before.set(source, bytes)
    return outcome
  }

  async function readAll(): Promise<void> {
    for (const source of sources) {
      deps.onRead(source, await readOne(source).catch((failure: unknown) => ({ failure })))
    }
  }

  await readAll()
  let reading = Promise.resolve()
  const timer = setInterval(() => {
    reading = reading.then(readAll)
  }, deps.interval)
  timer.unref()
  return {
    async close() {
      clearInterval(timer)
      await reading
    },
  }
}
