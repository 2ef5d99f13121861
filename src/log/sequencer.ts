// The way in, driven: batches from the pool go to the committer, one at a time, and their callers are told.
import { concat } from '../core/bytes.ts'
import type { Assignment } from './assign.ts'
import { createCommitter } from './committer.ts'
import type { Observer } from './observer.ts'
import type { Pool, Submission } from './pool.ts'
import type { LogStore } from './ports.ts'
import type { LogInfo, Sidecars } from './types.ts'

/** Entries whose callers are told between two breaths: a millisecond of their hashing. */
const BREATH = 512

export interface Sequencer {
  /** Commits until the pool is empty. Does nothing when it is already at it. */
  kick(): void
}

export function createSequencer(log: LogInfo, pool: Pool, store: LogStore, observer: Observer): Sequencer {
  const committer = createCommitter(log, store)
  let running = false

  /**
   * Commits a batch; resolves, always, to what tells its callers.
   * @param meanwhile called once, as soon as the database is busy with the batch, or at the end
   */
  async function commit(batch: readonly Submission[], meanwhile: () => void): Promise<() => void> {
    const started = performance.now()
    try {
      const assignment = await committer.commit(
        batch.flatMap((submission) => submission.entries),
        concat(...batch.map((submission) => submission.leafHashes)),
        sidecarsOf(batch),
        meanwhile,
      )
      observer.batch(log.name, assignment.fresh.entries.length, (performance.now() - started) / 1000)
      observer.head(log.name, assignment.size)
      return once(() => void settle(batch, assignment))
    } catch (error) {
      return once(() => batch.forEach(({ reject }) => reject(error)))
    } finally {
      meanwhile()
      pool.done(batch)
      observer.waiting(log.name, pool.waiting)
    }
  }

  // The callers of a batch are told while the next one is being stored: what they do then (answer, read and hash more) would
  // otherwise keep Postgres waiting for a fifth of the time.
  async function run(): Promise<void> {
    let tell = (): void => {}
    for (let batch = pool.take(); batch.length > 0; batch = pool.take()) tell = await commit(batch, tell)
    tell()
  }

  function kick(): void {
    if (running) return
    running = true
    void run().finally(() => {
      running = false
      // What came in between the last take and here would otherwise wait for the next caller.
      if (pool.waiting > 0) kick()
    })
  }

  return { kick }
}

/** Of all entries of the batch; undefined when none has any. */
function sidecarsOf(batch: readonly Submission[]): Sidecars | undefined {
  if (batch.every(({ sidecars }) => sidecars === undefined)) return undefined
  return batch.flatMap(({ entries, sidecars }) => sidecars ?? entries.map(() => []))
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    action()
  }
}

/** Tells the callers, with a breath now and then, so that rows under way to the database keep flowing. */
async function settle(batch: readonly Submission[], { appended }: Assignment): Promise<void> {
  let at = 0
  let breathed = 0
  for (const { entries, resolve } of batch) {
    resolve(appended.slice(at, at + entries.length))
    at += entries.length
    if (at - breathed < BREATH) continue
    breathed = at
    await new Promise(setImmediate)
  }
}
