// Follows the published log, in order, from a cursor that moves in the transaction of the effect: so whatever dies when, every
// entry has its effect once. While one batch is written the next one is read.
import type { Database, Transaction } from '../../db/connect.ts'
import { LogError } from '../../log/errors.ts'
import type { Log } from '../../log/types.ts'
import { withinTime } from '../../time/within-time.ts'
import { type Cursor, CursorMoved, moveCursor, readCursor } from './cursor.ts'
import { stopLeading, tryToLead } from './lead.ts'
import type { LogClock } from './log-clock.ts'
import { type FollowObserver, NO_FOLLOW_OBSERVER } from './observer.ts'
import { createPause } from './pause.ts'

/** Entries from `start` to `end` (exclusive), read. */
export interface Batch<T> {
  readonly start: number
  readonly end: number
  readonly data: T
}

export interface FollowerOptions<T> {
  /** Of the cursor; one process at a time follows a log under a name. */
  readonly name: string
  readonly log: Log
  readonly clock: LogClock
  readonly db: Database
  /** A connection of its own (`max: 1`), which may hold the locks of several followers. */
  readonly lead: Database
  /** Reads what the published log has from `start` to `end`, exclusive. It may be called again for the same range. */
  readonly read: (start: number, end: number) => Promise<T>
  /** Runs before the transaction, when something has to be there that cannot be made within it. It may run again. */
  readonly prepare?: (start: number, end: number) => Promise<void>
  /** The effect: all of it through `tx`. */
  readonly handle: (tx: Transaction, batch: Batch<T>) => Promise<void>
  /** What the leader does beside following, whenever it has gone on, and about each second; never twice at a time. */
  readonly upkeep?: (cursor: Cursor) => Promise<void>
  /** Entries of a batch at most. */
  readonly batch?: number
  /** False where a crash may take back the last transactions, cursor and effect together; they are done again then. */
  readonly durable?: boolean
  readonly onProgress?: (next: number) => void
  readonly observer?: FollowObserver
}

export interface Follower {
  start(): void
  /** Ends after the batch under way. */
  stop(): Promise<void>
  /** Entries below it are done, as far as this process knows; undefined while another one leads. */
  readonly position: number | undefined
}

const BATCH = 4_096
/** How often the lead is asked for, or confirmed; milliseconds. */
const LEAD_MS = 1_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000

export function createFollower<T>(options: FollowerOptions<T>): Follower {
  const { name, log, lead } = options
  const observer = options.observer ?? NO_FOLLOW_OBSERVER
  const stopping = new AbortController()
  const pause = createPause(stopping.signal)
  const upkeep = createUpkeep(options, observer)
  let position: number | undefined
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    let wait = FIRST_PAUSE_MS
    while (!stopping.signal.aborted) {
      try {
        if (await tryToLead(lead.sql, name, log.info.id)) {
          const went = await followWhileLeading(options, observer, stopping.signal, (cursor) => {
            position = cursor.next
            wait = FIRST_PAUSE_MS
            options.onProgress?.(cursor.next)
            upkeep.nudge(cursor)
          })
          if (went) continue
        }
        position = undefined
        await pause(LEAD_MS)
      } catch (error) {
        observer.failed(name, log.info.name, error)
        await pause(wait)
        wait = Math.min(wait * 2, LONGEST_PAUSE_MS)
      }
    }
  }

  return {
    get position() {
      return position
    },
    start() {
      running ??= run()
    },
    async stop() {
      stopping.abort()
      await running
      await upkeep.done()
      if (running !== undefined) await stopLeading(lead.sql, name, log.info.id).catch(() => {})
      position = undefined
    },
  }
}

/** Goes on until there is nothing to do, the cursor was moved, or the lead was lost. @returns false for that */
async function followWhileLeading<T>(
  options: FollowerOptions<T>,
  observer: FollowObserver,
  stopping: AbortSignal,
  onProgress: (cursor: Cursor) => void,
): Promise<boolean> {
  const { name, log, db, lead } = options
  let until = performance.now() + LEAD_MS
  let cursor = await readCursor(db.sql, name, log.info.id)
  let ahead: Reading<T> | undefined
  onProgress(cursor)
  try {
    while (!stopping.aborted) {
      if (performance.now() > until) {
        if (!(await tryToLead(lead.sql, name, log.info.id))) return false
        until = performance.now() + LEAD_MS
      }
      const size = await sizeBeyond(log, cursor.next, until - performance.now(), stopping)
      await tellLag(options, observer, cursor.next, size)
      if (size <= cursor.next) break // reads the cursor again: somebody may have sent it back
      const now = ahead ?? startReading(options, cursor.next, size)
      ahead = now.end < size ? startReading(options, now.end, size) : undefined
      cursor = await write(options, observer, cursor, now)
      onProgress(cursor)
    }
  } catch (error) {
    if (!(error instanceof CursorMoved)) throw error
  } finally {
    await ahead?.data.catch(() => {})
  }
  return true
}

interface Reading<T> {
  readonly start: number
  readonly end: number
  readonly data: Promise<T>
}

function startReading<T>(
  { read, batch = BATCH }: FollowerOptions<T>,
  start: number,
  size: number,
): Reading<T> {
  const end = Math.min(start + batch, size)
  const data = read(start, end)
  data.catch(() => {}) // heard of when it is its turn
  return { start, end, data }
}

async function write<T>(
  options: FollowerOptions<T>,
  observer: FollowObserver,
  cursor: Cursor,
  reading: Reading<T>,
): Promise<Cursor> {
  const { name, log, db, prepare, handle, durable = true } = options
  const { start, end } = reading
  const data = await reading.data
  const began = performance.now()
  await prepare?.(start, end)
  await db.sql.begin(async (tx) => {
    if (!durable) await tx`SET LOCAL synchronous_commit = off`
    await moveCursor(tx, name, log.info.id, cursor, end)
    await handle(tx, { start, end, data })
  })
  observer.followed(name, log.info.name, end - start, (performance.now() - began) / 1_000)
  return { next: end, epoch: cursor.epoch }
}

/** The published size, after waiting for one beyond `next`, no longer than `ms`. */
async function sizeBeyond(log: Log, next: number, ms: number, stopping: AbortSignal): Promise<number> {
  try {
    const limit = Math.max(1, Math.ceil(ms))
    return (await withinTime(limit, [stopping], (signal) => log.waitPublished(next, signal))).size
  } catch (error) {
    if (error instanceof LogError && error.code === 'wait_timeout') return next
    throw error
  }
}

async function tellLag<T>(
  { name, log, clock }: FollowerOptions<T>,
  observer: FollowObserver,
  next: number,
  size: number,
): Promise<void> {
  if (observer === NO_FOLLOW_OBSERVER) return
  const seconds = size <= next ? 0 : Math.max(0, Date.now() - (await clock.takenAt(next))) / 1_000
  observer.lag(name, log.info.name, Math.max(0, size - next), seconds)
}

/** At most one at a time; what is asked for meanwhile is done once, afterwards. */
function createUpkeep<T>(
  { name, log, upkeep }: FollowerOptions<T>,
  observer: FollowObserver,
): { nudge(cursor: Cursor): void; done(): Promise<void> } {
  let wanted: Cursor | undefined
  let working: Promise<void> | undefined

  async function work(): Promise<void> {
    for (let cursor = wanted; cursor !== undefined; cursor = wanted) {
      wanted = undefined
      try {
        await upkeep?.(cursor)
      } catch (error) {
        if (!(error instanceof CursorMoved)) observer.failed(name, log.info.name, error)
      }
    }
    working = undefined
  }

  return {
    nudge(cursor) {
      if (upkeep === undefined) return
      wanted = cursor
      working ??= work()
    },
    async done() {
      wanted = undefined
      await working
    },
  }
}
