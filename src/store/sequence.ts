// The transaction that extends a log. The head's row lock orders all processes; everything else is inserted.
import type { Sql, Transaction } from '../db/connect.ts'
import { LogError } from '../log/errors.ts'
import type { FreshEntries, SequenceTransaction } from '../log/ports.ts'
import type { Head } from '../log/types.ts'
import { copyIn } from './copy-in.ts'
import { entryRows, tileRows } from './copy-rows.ts'
import { storeError } from './errors.ts'
import { candidateKeys, findLeaves } from './find.ts'
import { leafKey, segmentOf } from './leaf-key.ts'
import { readEdgeTiles } from './read-tree.ts'
import type { SegmentFilters } from './segment-filter.ts'

/** See LogStore.sequence. */
export async function sequence<T>(
  sql: Sql,
  filters: SegmentFilters,
  logId: number,
  work: (tx: SequenceTransaction) => Promise<T>,
): Promise<T> {
  let committing = false
  let added: { first: number; leafHashes: Uint8Array } = { first: 0, leafHashes: new Uint8Array() }
  try {
    const answer = await sql.begin(async (tx) => {
      const locked = await lockedTransaction(
        tx,
        filters,
        logId,
        (first, leafHashes) => (added = { first, leafHashes }),
      )
      const done = await work(locked)
      committing = true
      return { done }
    })
    filters.add(logId, added.first, added.leafHashes) // only what is committed: a filter must know all hashes up to its end
    return answer.done
  } catch (error) {
    throw storeError(error, committing)
  }
}

async function lockedTransaction(
  tx: Transaction,
  filters: SegmentFilters,
  logId: number,
  onPut: (first: number, leafHashes: Uint8Array) => void,
): Promise<SequenceTransaction> {
  const [head] = await tx<Head[]>`SELECT size, root FROM log.heads WHERE log_id = ${logId} FOR UPDATE`
  if (head === undefined)
    throw new LogError('log_damaged', `log ${logId} has no head row: somebody changed the database`)
  return {
    head,
    find: (leafHashes) => findLeaves(tx, filters, logId, head.size, leafHashes),
    edgeTiles: () => readEdgeTiles(tx, logId, head.size),
    putEntries(fresh) {
      onPut(head.size, fresh.leafHashes)
      return copyIn(
        tx,
        'COPY log.entries (log_id, index, leaf_key, leaf_hash, data) FROM STDIN (FORMAT binary)',
        entryRows(logId, head.size, fresh),
      )
    },
    async putTiles(tiles) {
      if (tiles.length === 0) return
      await copyIn(
        tx,
        'COPY log.tiles (log_id, level, index, hashes, root) FROM STDIN (FORMAT binary)',
        tileRows(logId, tiles),
      )
    },
    async moveHead(next) {
      const { count } = await tx`
        UPDATE log.heads SET size = ${next.size}, root = ${next.root} WHERE log_id = ${logId} AND size = ${head.size}`
      if (count !== 1)
        throw new LogError(
          'log_damaged',
          `head of log ${logId} moved under its lock: somebody changed the database`,
        )
    },
  }
}

/**
 * See LogStore.appendIfAt: one statement, so one round trip and one commit. The head is compared and moved first; its row
 * lock makes the comparison final, and the rows go in only if it moved.
 */
export async function appendIfAt(
  sql: Sql,
  filters: SegmentFilters,
  logId: number,
  { entries, leafHashes }: FreshEntries,
  from: Head,
  to: Head,
  dedup: boolean,
): Promise<boolean> {
  const hashes = entries.map((_, i) => leafHashes.subarray(i * 32, i * 32 + 32))
  const keys = hashes.map((hash, i) => leafKey(segmentOf(from.size + i), hash, 0))
  // The head is at `from` only if nothing was committed since, so this statement's snapshot sees every entry below it.
  const known = dedup ? candidateKeys(filters, logId, from.size, leafHashes) : []
  try {
    const { count } = await sql`
      WITH moved AS (
        UPDATE log.heads SET size = ${to.size}, root = ${to.root}
        WHERE log_id = ${logId} AND size = ${from.size} AND root = ${from.root} AND NOT EXISTS (
          SELECT FROM unnest(${`{${known.join(',')}}`}::bigint[]) AS k(key)
          CROSS JOIN LATERAL (SELECT FROM log.entries WHERE log_id = ${logId} AND leaf_key = k.key OFFSET 0) e
        )
        RETURNING log_id
      )
      INSERT INTO log.entries (log_id, index, leaf_key, leaf_hash, data)
      SELECT moved.log_id, ${from.size} + row.i - 1, row.leaf_key, row.leaf_hash, row.data
      FROM moved, unnest(
        ${`{${keys.join(',')}}`}::bigint[], ${byteArrays(hashes)}::bytea[], ${byteArrays(entries)}::bytea[]
      ) WITH ORDINALITY AS row(leaf_key, leaf_hash, data, i)`
    if (count !== entries.length) return false
    filters.add(logId, from.size, leafHashes)
    return true
  } catch (error) {
    throw storeError(error, true)
  }
}

/** A bytea[] in Postgres's text form. */
function byteArrays(values: readonly Uint8Array[]): string {
  return `{${values.map((value) => `"\\\\x${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')}"`).join(',')}}`
}
