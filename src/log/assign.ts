// Which index each entry of a batch gets. Pure.
import { HASH_SIZE } from '../core/hash.ts'
import type { FreshEntries } from './ports.ts'
import type { Appended } from './types.ts'

export interface Assignment {
  /** One for each entry of the batch, in order. */
  readonly appended: Appended[]
  /** What is new and has to be stored, in order of index. */
  readonly fresh: FreshEntries
  readonly total: number
}

/**
 * @param size index of the first new entry
 * @param leafHashes of the entries, concatenated
 * @param known index at which the log already holds an entry, per entry; undefined switches deduplication off
 */
export function assignIndexes(
  size: number,
  entries: readonly Uint8Array[],
  leafHashes: Uint8Array,
  known: readonly (number | undefined)[] | undefined,
): Assignment {
  const appended: Appended[] = []
  const fresh: Uint8Array[] = []
  const freshHashes: Uint8Array[] = []
  const inBatch = new Map<string, number>()
  for (const [i, entry] of entries.entries()) {
    const leafHash = leafHashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE)
    const key = known === undefined ? '' : latin1(leafHash)
    const earlier = known === undefined ? undefined : (known[i] ?? inBatch.get(key))
    const index = earlier ?? size + fresh.length
    appended.push({ index, leafHash, duplicate: earlier !== undefined })
    if (earlier !== undefined) continue
    if (known !== undefined) inBatch.set(key, index)
    fresh.push(entry)
    freshHashes.push(leafHash)
  }
  return {
    appended,
    fresh: { entries: fresh, leafHashes: fresh.length === entries.length ? leafHashes : joined(freshHashes) },
    total: entries.length,
  }
}

function joined(hashes: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(hashes.length * HASH_SIZE)
  for (const [i, hash] of hashes.entries()) out.set(hash, i * HASH_SIZE)
  return out
}

/** 32 bytes as a map key. */
function latin1(hash: Uint8Array): string {
  return String.fromCharCode(...hash)
}
