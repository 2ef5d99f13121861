// Entries, as they come, into batches: full ones under load, and small ones when the source is slow.
import { MAX_ENTRY_SIZE } from '../core/bundle.ts'
import { FormatError } from '../core/errors.ts'

/** Entries of the largest batch that a log takes. */
export const MAX_BATCH = 8_192

const BATCH_BYTES = 1_048_576
/** Milliseconds that the first entry of a batch waits for others. */
const LONGEST_WAIT = 100

/**
 * Batches of at most `limit` entries and 1 MiB, none empty; an entry waits 100 ms at most for others.
 * @throws FormatError `entry_too_large`, naming the entry by its position
 */
export async function* batchesOf(
  entries: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  limit: number,
): AsyncGenerator<Uint8Array[], void, undefined> {
  const source =
    Symbol.asyncIterator in entries ? entries[Symbol.asyncIterator]() : entries[Symbol.iterator]()
  let batch: Uint8Array[] = []
  let bytes = 0
  let timer = dueIn(LONGEST_WAIT)
  try {
    for (let position = 0, next = source.next(); ;) {
      const result = batch.length === 0 ? await next : await Promise.race([next, timer.due])
      const entry = result === undefined || result.done === true ? undefined : result.value
      if (entry) checkEntrySize(entry, position++)
      const full = batch.length === limit || bytes + (entry?.length ?? 0) > BATCH_BYTES
      if (batch.length > 0 && (full || !entry)) {
        timer.stop()
        yield batch
        batch = []
        bytes = 0
      }
      if (result?.done === true) return
      if (!entry) continue // the batch was due; the source still owes its next entry
      if (batch.length === 0) {
        timer.stop()
        timer = dueIn(LONGEST_WAIT)
      }
      batch.push(entry)
      bytes += 2 + entry.length
      next = source.next()
    }
  } finally {
    timer.stop()
    await source.return?.()
  }
}

/** @throws FormatError `entry_too_large` */
export function checkEntrySize(entry: Uint8Array, position: number): void {
  if (entry.length <= MAX_ENTRY_SIZE) return
  const message = `Entry ${position} has ${entry.length} bytes; the most is ${MAX_ENTRY_SIZE}.`
  throw new FormatError('entry_too_large', message, { entry: position, size: entry.length })
}

function dueIn(ms: number): { due: Promise<undefined>; stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  const due = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  return { due, stop: () => clearTimeout(timer) }
}
