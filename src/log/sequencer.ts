// The way in, driven: batches from the pool go to the committer, one at a time, and their callers are told.
import { concat } from '../core/bytes.ts'
import type { Assignment } from './assign.ts'
import { createCommitter } from './committer.ts'
import type { Observer } from './observer.ts'
import type { Pool, Submission } from './pool.ts'
import type { LogStore } from './ports.ts'
import type { LogInfo } from './types.ts'

export interface Sequencer {
  /** Commits until the pool is empty. Does nothing when it is already at it. */
  kick(): void
}

export function createSequencer(log: LogInfo, pool: Pool, store: LogStore, observer: Observer): Sequencer {
  const committer = createCommitter(log, store)
  let running = false

  async function run(): Promise<void> {
    for (let batch = pool.take(); batch.length > 0; batch = pool.take()) {
      const started = performance.now()
      try {
        const assignment = await committer.commit(
          batch.flatMap((submission) => submission.entries),
          concat(...batch.map((submission) => submission.leafHashes)),
        )
        settle(batch, assignment)
        observer.batch(log.name, assignment.fresh.entries.length, (performance.now() - started) / 1000)
        observer.head(log.name, assignment.size)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      } finally {
        pool.done(batch)
        observer.waiting(log.name, pool.waiting)
      }
    }
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

function settle(batch: readonly Submission[], { appended }: Assignment): void {
  let at = 0
  for (const { entries, resolve } of batch) {
    resolve(appended.slice(at, at + entries.length))
    at += entries.length
  }
}
