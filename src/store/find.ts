// Look-ups by leaf hash.
import { equalBytes } from '../core/bytes.ts'
import { HASH_SIZE, type Hash } from '../core/hash.ts'
import type { Sql, Transaction } from '../db/connect.ts'
import { DEDUP_WINDOW, leafKey, segmentOf } from './leaf-key.ts'
import type { SegmentFilters } from './segment-filter.ts'

type Reader = Sql | Transaction

/** First index of each leaf hash among the newest 2^23 entries of a log of `size` entries. */
export async function findLeaves(
  sql: Reader,
  filters: SegmentFilters,
  logId: number,
  size: number,
  leafHashes: Uint8Array,
): Promise<(number | undefined)[]> {
  const keys = candidateKeys(filters, logId, size, leafHashes)
  const first = new Map<string, number>()
  if (keys.length > 0) {
    for (const row of await rowsByKey(sql, logId, keys)) {
      const hash = textOf(row.leaf_hash, 0)
      first.set(hash, Math.min(row.index, first.get(hash) ?? row.index))
    }
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
  const newest = segmentOf(Math.max(0, size - 1))
  for (let segment = segmentOf(Math.max(0, size - DEDUP_WINDOW)); size > 0 && segment <= newest; segment++) {
    for (let offset = 0; offset < leafHashes.length; offset += HASH_SIZE) {
      if (segment === newest || filters.mayHold(logId, segment, leafHashes, offset))
        keys.push(leafKey(segment, leafHashes, offset))
    }
  }
  return keys
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
export function textOf(hashes: Uint8Array, offset: number): string {
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
