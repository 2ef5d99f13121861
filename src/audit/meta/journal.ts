// The journal in log `_meta`: what everybody did here is an event like any other, provable like any other.
import { OWN_SOURCE } from '../../access/new-key.ts'
import { META_LOG } from '../../core/log-name.ts'
import type { Journal } from '../../http/journal.ts'
import { LogError } from '../../log/errors.ts'
import type { Logs } from '../../log/types.ts'
import { AuditError } from '../event/errors.ts'
import type { Incoming } from '../event/types.ts'
import type { Recorder } from '../record/types.ts'
import { eventOf, once } from './describe-access.ts'
import { createTally } from './tally.ts'

export interface MetaJournalDeps {
  readonly logs: Pick<Logs, 'open'>
  readonly recorder: Pick<Recorder, 'record'>
  /** Told when noted accesses could not be written yet; they are tried again. */
  readonly report: (error: unknown, log: string) => void
  /** POSIX milliseconds. */
  readonly now?: () => number
}

export interface MetaJournal extends Journal {
  /** Writes what is due now. Never throws. */
  flush(): Promise<void>
  /** Writes all that was noted, due or not. Never throws. */
  settle(): Promise<void>
  /** Writes all that is left, as far as that can be, and ends. */
  stop(): Promise<void>
}

/** Milliseconds between writes of what was noted. */
const INTERVAL = 1_000
/** Events at once. */
const BATCH = 500
/** The process does not wait longer than this for its last notes; milliseconds. */
const LAST_WAIT = 5_000

/** Log `_meta` must be there (ensureMetaLog). */
export function createMetaJournal({ logs, recorder, report, now = Date.now }: MetaJournalDeps): MetaJournal {
  const tally = createTally(now)
  // With ids: when it is unknown whether they were stored, the same bytes again are stored once.
  const waiting: Incoming[] = []
  let writing: Promise<void> | undefined

  async function append(events: readonly Incoming[]): Promise<void> {
    await recorder.record(await logs.open(META_LOG), events, OWN_SOURCE)
  }
  async function write(all: boolean): Promise<void> {
    try {
      for (;;) {
        if (waiting.length === 0) waiting.push(...tally.due(all).map(eventOf))
        if (waiting.length === 0) return
        const batch = waiting.slice(0, BATCH)
        await append(batch).catch((error: unknown) => {
          // What can never be written must not keep the rest from being written.
          if (!(batch.length === 1 && error instanceof AuditError && error.code === 'event_too_large'))
            throw error
          report(error, META_LOG)
        })
        waiting.splice(0, batch.length)
      }
    } catch (error) {
      report(error, META_LOG)
    }
  }
  function flush(): Promise<void> {
    writing ??= write(false).finally(() => {
      writing = undefined
    })
    return writing
  }
  async function settle(): Promise<void> {
    await writing
    writing ??= write(true).finally(() => {
      writing = undefined
    })
    await writing
  }
  const timer = setInterval(() => void flush(), INTERVAL)
  timer.unref()
  return {
    note: (access) => tally.add(access),
    async record(access) {
      const events = [eventOf(once(access, now()))]
      try {
        await append(events).catch((error: unknown) => {
          if (error instanceof LogError && error.code === 'outcome_unknown') return append(events)
          throw error
        })
      } catch (cause) {
        throw new AuditError(
          'journal_unavailable',
          'it cannot be recorded now who asked for this, so nothing is done or shown: try again',
          {},
          { cause },
        )
      }
    },
    flush,
    settle,
    async stop() {
      clearInterval(timer)
      let late: ReturnType<typeof setTimeout> | undefined
      const limit = new Promise<void>((resolve) => {
        late = setTimeout(resolve, LAST_WAIT)
      })
      await Promise.race([(writing ?? Promise.resolve()).then(() => write(true)), limit])
      clearTimeout(late)
    },
  }
}
