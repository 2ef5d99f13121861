// Submissions of one log that wait for their commit, in order. No clock: a batch is what arrived while the last one was
// committing, so a lone client waits for nothing and a crowd shares one commit.
import { MAX_ENTRY_SIZE } from '../core/bundle.ts'
import { HASH_SIZE, hashLeaf } from '../core/hash.ts'
import { LogError } from './errors.ts'
import type { Limits } from './limits.ts'
import type { Appended, Sidecars } from './types.ts'

/** Entries that one caller handed in together; they are committed together. */
export interface Submission {
  readonly entries: readonly Uint8Array[]
  /** Concatenated, in the order of `entries`. */
  readonly leafHashes: Uint8Array
  readonly sidecars: Sidecars | undefined
  readonly bytes: number
  readonly resolve: (appended: Appended[]) => void
  readonly reject: (error: unknown) => void
}

export interface Pool {
  /** Entries waiting or being committed. */
  readonly waiting: number
  /** @throws LogError `entry_too_large`, `batch_too_large`, `queue_full`; nothing of the submission was taken then */
  add(entries: readonly Uint8Array[], sidecars?: Sidecars): Promise<Appended[]>
  /** The next batch: whole submissions, at least one, up to the limits. Empty when nothing waits. */
  take(): Submission[]
  /** A batch from `take` is done, well or not. */
  done(batch: readonly Submission[]): void
}

export function createPool(limits: Limits): Pool {
  const queue: Submission[] = []
  let waitingEntries = 0
  let waitingBytes = 0

  return {
    get waiting() {
      return waitingEntries
    },
    add(entries, sidecars) {
      const bytes = checkedSize(entries, sidecars, limits)
      if (
        waitingEntries + entries.length > limits.waitingEntries ||
        waitingBytes + bytes > limits.waitingBytes
      ) {
        throw new LogError(
          'queue_full',
          `${waitingEntries} entries already wait for their commit: try again in a second`,
          {
            waitingEntries,
          },
        )
      }
      waitingEntries += entries.length
      waitingBytes += bytes
      // Hashed here, while the database is busy with the batch before.
      const leafHashes = new Uint8Array(entries.length * HASH_SIZE)
      for (const [i, entry] of entries.entries()) leafHashes.set(hashLeaf(entry), i * HASH_SIZE)
      return new Promise((resolve, reject) => {
        queue.push({ entries, leafHashes, sidecars, bytes, resolve, reject })
      })
    },
    take() {
      const batch: Submission[] = []
      let entries = 0
      let bytes = 0
      for (const next of queue) {
        entries += next.entries.length
        bytes += next.bytes
        if (batch.length > 0 && (entries > limits.batchEntries || bytes > limits.batchBytes)) break
        batch.push(next)
      }
      queue.splice(0, batch.length)
      return batch
    },
    done(batch) {
      for (const { entries, bytes } of batch) {
        waitingEntries -= entries.length
        waitingBytes -= bytes
      }
    },
  }
}

function checkedSize(entries: readonly Uint8Array[], sidecars: Sidecars | undefined, limits: Limits): number {
  let bytes = 0
  for (const beside of sidecars ?? []) for (const { size } of beside) bytes += size
  for (const [i, entry] of entries.entries()) {
    if (entry.length > MAX_ENTRY_SIZE) {
      throw new LogError(
        'entry_too_large',
        `entry ${i} has ${entry.length} bytes; an entry may have ${MAX_ENTRY_SIZE}: send its hash and keep the content elsewhere`,
        {
          entry: i,
          size: entry.length,
        },
      )
    }
    bytes += entry.length
  }
  if (entries.length > limits.waitingEntries || bytes > limits.waitingBytes) {
    throw new LogError(
      'batch_too_large',
      `${entries.length} entries (${bytes} bytes) in one request: send at most ${limits.batchEntries} at a time`,
    )
  }
  return bytes
}
