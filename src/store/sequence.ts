// The transaction that extends a log. The head's row lock orders all processes; everything else is inserted.
import type { Sql, Transaction } from '../db/connect.ts'
import { LogError } from '../log/errors.ts'
import type { SequenceTransaction, SidecarRow } from '../log/ports.ts'
import type { Head } from '../log/types.ts'
import { copyIn } from './copy-in.ts'
import { entryRows, tileRows } from './copy-rows.ts'
import { storeError, withinDeadline } from './errors.ts'
import { findLeaves } from './find.ts'
import { readEdgeTiles } from './read-tree.ts'
import type { SegmentFilters } from './segment-filter.ts'

/** Writes what is stored beside entries, within the transaction that stores these. */
export type PutSidecars = (tx: Transaction, logId: number, rows: readonly SidecarRow[]) => Promise<void>

/** For a store of entries alone. @throws Error: nothing that was handed over may be lost unseen */
export const NO_SIDECARS: PutSidecars = async () => {
  throw new Error('this store keeps nothing beside entries')
}

/** See LogStore.sequence. */
export async function sequence<T>(
  sql: Sql,
  filters: SegmentFilters,
  logId: number,
  work: (tx: SequenceTransaction) => Promise<T>,
  putSidecars: PutSidecars,
): Promise<T> {
  let committing = false
  let added: { first: number; leafHashes: Uint8Array } = { first: 0, leafHashes: new Uint8Array() }
  try {
    const transaction = sql.begin(async (tx) => {
      const locked = await lockedTransaction(
        tx,
        filters,
        logId,
        (first, leafHashes) => (added = { first, leafHashes }),
        putSidecars,
      )
      const done = await work(locked)
      committing = true
      return { done }
    })
    const answer = await withinDeadline(transaction)
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
  putSidecars: PutSidecars,
): Promise<SequenceTransaction> {
  const [head] = await tx<Head[]>`SELECT size, root FROM log.heads WHERE log_id = ${logId} FOR UPDATE`
  if (head === undefined)
    throw new LogError('log_damaged', `log ${logId} has no head row: somebody changed the database`)
  return {
    head,
    find: (leafHashes) => findLeaves(tx, filters, logId, head.size, leafHashes),
    edgeTiles: () => readEdgeTiles(tx, logId, head.size),
    putEntries(fresh, onSent) {
      onPut(head.size, fresh.leafHashes)
      return copyIn(
        tx,
        'COPY log.entries (log_id, index, leaf_key, leaf_hash, data) FROM STDIN (FORMAT binary)',
        entryRows(logId, head.size, fresh),
        onSent,
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
    putSidecars: (rows) => putSidecars(tx, logId, rows),
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
