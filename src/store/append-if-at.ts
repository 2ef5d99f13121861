// The way in for small batches: one statement, so one round trip and one commit.
import { concat } from '../core/bytes.ts'
import type { Sql } from '../db/connect.ts'
import type { SmallBatch } from '../log/ports.ts'
import { storeError, withinDeadline } from './errors.ts'
import { candidateKeys } from './find.ts'
import { leafKey, segmentOf } from './leaf-key.ts'
import type { SegmentFilters } from './segment-filter.ts'

/**
 * See LogStore.appendIfAt. The head is compared and moved first; its row lock makes the comparison final, and the rows go in
 * only if it moved. Bytes travel as one value each for hashes, entries and tiles, cut into rows by the server: parsing arrays
 * of bytea costs it more than storing them.
 */
export async function appendIfAt(
  sql: Sql,
  filters: SegmentFilters,
  logId: number,
  { fresh: { entries, leafHashes }, tiles, from, to, dedup }: SmallBatch,
): Promise<boolean> {
  const keys = entries.map((_, i) => leafKey(segmentOf(from.size + i), leafHashes, i * 32))
  // The head is at `from` only if nothing was committed since, so this statement's snapshot sees every entry below it.
  const known = dedup ? candidateKeys(filters, logId, from.size, leafHashes) : []
  try {
    const { count } = await withinDeadline(sql`
      WITH moved AS (
        UPDATE log.heads SET size = ${to.size}, root = ${to.root}
        WHERE log_id = ${logId} AND size = ${from.size} AND root = ${from.root} AND NOT EXISTS (
          SELECT FROM unnest(${array(known)}::bigint[]) AS k(key)
          CROSS JOIN LATERAL (SELECT FROM log.entries WHERE log_id = ${logId} AND leaf_key = k.key OFFSET 0) e
        )
        RETURNING log_id
      ), finished AS (
        INSERT INTO log.tiles (log_id, level, index, hashes, root)
        SELECT moved.log_id, tile.level, tile.index,
          substr(${concat(...tiles.map((tile) => tile.hashes))}::bytea, (tile.i::int - 1) * 8192 + 1, 8192),
          substr(${concat(...tiles.map((tile) => tile.root))}::bytea, (tile.i::int - 1) * 32 + 1, 32)
        FROM moved, unnest(
          ${array(tiles.map((tile) => tile.level))}::smallint[], ${array(tiles.map((tile) => tile.index))}::bigint[]
        ) WITH ORDINALITY AS tile(level, index, i)
      )
      INSERT INTO log.entries (log_id, index, leaf_key, leaf_hash, data)
      SELECT moved.log_id, ${from.size} + row.i - 1, row.leaf_key,
        substr(${leafHashes}::bytea, (row.i::int - 1) * 32 + 1, 32),
        substr(${concat(...entries)}::bytea, row.start, row.size)
      FROM moved, unnest(
        ${array(keys)}::bigint[], ${array(startsOf(entries))}::int[], ${array(entries.map((entry) => entry.length))}::int[]
      ) WITH ORDINALITY AS row(leaf_key, start, size, i)`)
    if (count !== entries.length) return false
    filters.add(logId, from.size, leafHashes)
    return true
  } catch (error) {
    throw storeError(error, true)
  }
}

/** Where each entry begins in their concatenation, from 1 as SQL counts. */
function startsOf(entries: readonly Uint8Array[]): number[] {
  let at = 1
  return entries.map((entry) => {
    const start = at
    at += entry.length
    return start
  })
}

/** An array of numbers in Postgres's text form. */
function array(values: readonly (number | string)[]): string {
  return `{${values.join(',')}}`
}
