// Look-ups by leaf hash.
import { concat, equalBytes } from '../core/bytes.ts'
import { HASH_SIZE, type Hash } from '../core/hash.ts'
import { TILE_WIDTH } from '../core/tile.ts'
import type { Sql, Transaction } from '../db/connect.ts'
import { DEDUP_WINDOW, leafKey, SEGMENT_SIZE, segmentOf } from './leaf-key.ts'
import type { SegmentFilters } from './segment-filter.ts'

type Reader = Sql | Transaction

/** Hashes that a look-up reads to bring a filter up to date; more are read in the background. */
const CATCH_UP = 16_384

/** First index of each leaf hash among the newest 2^23 entries of a log of `size` entries. */
export async function findLeaves(
  sql: Reader,
  filters: SegmentFilters,
  logId: number,
  size: number,
  leafHashes: Uint8Array,
): Promise<(number | undefined)[]> {
  await bringFiltersUp(sql, filters, logId, size)
  const keys = candidateKeys(filters, logId, size, leafHashes)
  if (keys.length === 0) return Array.from({ length: leafHashes.length / HASH_SIZE }, () => undefined)
  const first = new Map<string, number>()
  for (const row of await rowsByKey(sql, logId, keys)) {
    const hash = textOf(row.leaf_hash, 0)
    first.set(hash, Math.min(row.index, first.get(hash) ?? row.index))
  }
  const found: (number | undefined)[] = []
  for (let offset = 0; offset < leafHashes.length; offset += HASH_SIZE)
    found.push(first.get(textOf(leafHashes, offset)))
  return found
}

/** Keys under which the newest 2^23 entries of a log of `size` entries may hold any of the leaf hashes. */
export function candidateKeys(
  filters: SegmentFilters,
  logId: number,
  size: number,
  leafHashes: Uint8Array,
): string[] {
  const keys: string[] = []
  for (const segment of windowOf(size)) {
    for (let offset = 0; offset < leafHashes.length; offset += HASH_SIZE) {
      if (filters.mayHold(logId, segment, size, leafHashes, offset))
        keys.push(leafKey(segment, leafHashes, offset))
    }
  }
  return keys
}

/** Segments that hold the newest 2^23 entries of a log of `size` entries. */
function windowOf(size: number): number[] {
  if (size === 0) return []
  const oldest = segmentOf(Math.max(0, size - DEDUP_WINDOW))
  return Array.from({ length: segmentOf(size - 1) - oldest + 1 }, (_, i) => oldest + i)
}

/** Reads a few missing hashes now, and has the filters of segments that miss many built in the background. */
async function bringFiltersUp(
  sql: Reader,
  filters: SegmentFilters,
  logId: number,
  size: number,
): Promise<void> {
  for (const segment of windowOf(size)) {
    const end = Math.min(size, (segment + 1) * SEGMENT_SIZE)
    if (filters.knownUpTo(logId, segment) > end) filters.forget(logId, segment) // the database stepped back under us
    const known = filters.knownUpTo(logId, segment)
    if (end - known > CATCH_UP) {
      filters.build(logId, segment, Math.floor(end / TILE_WIDTH) * TILE_WIDTH)
    } else if (end > known) {
      const rows = await sql<{ leaf_hash: Uint8Array }[]>`
        SELECT leaf_hash FROM log.entries WHERE log_id = ${logId} AND index >= ${known} AND index < ${end} ORDER BY index`
      filters.add(logId, known, concat(...rows.map((row) => row.leaf_hash)))
    }
  }
}

/** First index below `size` of one leaf hash, over the whole log. */
export async function findLeaf(
  sql: Reader,
  logId: number,
  leafHash: Hash,
  size: number,
): Promise<number | undefined> {
  const keys: string[] = []
  for (let segment = 0; segment <= segmentOf(Math.max(0, size - 1)); segment++)
    keys.push(leafKey(segment, leafHash, 0))
  const rows = await rowsByKey(sql, logId, keys)
  const indexes = rows
    .filter((row) => row.index < size && equalBytes(row.leaf_hash, leafHash))
    .map((row) => row.index)
  return indexes.length === 0 ? undefined : Math.min(...indexes)
}

/** 32 bytes as a map key; latin1 is the cheapest text there is. */
function textOf(hashes: Uint8Array, offset: number): string {
  return Buffer.from(hashes.buffer, hashes.byteOffset + offset, HASH_SIZE).toString('latin1')
}

/**
 * LATERAL with OFFSET 0 leaves the planner no choice but one index probe a key: with `= ANY(keys)` and statistics from
 * before the table grew it chose to read the whole table (15,000 entries/s until autoanalyze ran).
 */
async function rowsByKey(
  sql: Reader,
  logId: number,
  keys: readonly string[],
): Promise<{ index: number; leaf_hash: Uint8Array }[]> {
  return sql<{ index: number; leaf_hash: Uint8Array }[]>`
    SELECT e.index, e.leaf_hash FROM unnest(${`{${keys.join(',')}}`}::bigint[]) AS k(key)
    CROSS JOIN LATERAL (
      SELECT index, leaf_hash FROM log.entries WHERE log_id = ${logId} AND leaf_key = k.key OFFSET 0
    ) e`
}
