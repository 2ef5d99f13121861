// The entries of a log from one index to its end, in batches, each of them proved to be in the tree of the signed head before
// it is given out. Whoever stores them holds a true prefix of the log at any moment.
import { authenticEntries } from '../client/entries.ts'
import type { Tiles } from '../client/tiles.ts'
import { concat } from '../core/bytes.ts'
import type { Checkpoint } from '../core/checkpoint.ts'
import type { Hash } from '../core/hash.ts'
import { TILE_WIDTH } from '../core/tile.ts'

export interface ProvenBatch {
  /** Index of the first entry. */
  readonly start: number
  readonly entries: readonly Uint8Array[]
  /** Concatenated. */
  readonly leafHashes: Uint8Array
}

/** Bytes after which a batch ends at its bundle. */
const BATCH_BYTES = 8 * 2 ** 20

/**
 * @param from index of the first entry
 * @param bundles that a batch spans at most; batches end where a bundle does
 * @throws EvidenceError, ClientError as authenticEntries
 */
export async function* provenBatches(
  tiles: Tiles,
  head: Checkpoint,
  from: number,
  bundles: number,
): AsyncGenerator<ProvenBatch, void, undefined> {
  const span = bundles * TILE_WIDTH
  let start = from
  let entries: Uint8Array[] = []
  let leafHashes: Hash[] = []
  let bytes = 0
  for await (const { index, entry, leafHash } of authenticEntries(tiles, head, from, head.size)) {
    entries.push(entry)
    leafHashes.push(leafHash)
    bytes += entry.length
    const next = index + 1
    const full = next % span === 0 || (next % TILE_WIDTH === 0 && bytes >= BATCH_BYTES)
    if (!full && next !== head.size) continue
    yield { start, entries, leafHashes: concat(...leafHashes) }
    start = next
    entries = []
    leafHashes = []
    bytes = 0
  }
}
