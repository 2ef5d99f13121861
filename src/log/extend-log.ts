// The other way in: entries whose place is known and proven, of a log that is copied, imported or restored.
import { appendLeaves, edgeRoot } from '../core/append.ts'
import { concat } from '../core/bytes.ts'
import { hashLeaf } from '../core/hash.ts'
import { checkedEdge } from './checked-edge.ts'
import { LogError } from './errors.ts'
import type { LogStore } from './ports.ts'
import type { Head } from './types.ts'

/**
 * Adds entries at index `from` and up, in one transaction, without deduplication; durable on return. Those below the head
 * are skipped: that they are what is stored there is for the caller's proof to show, before or after.
 * @param entries as many as a transaction should hold: some thousands
 * @returns the head, which is at least `from + entries.length`
 * @throws LogError `index_out_of_range` when `from` is beyond the head: the entries between are missing
 * @throws LogError `store_unavailable`, `outcome_unknown` (call again: what was stored is skipped), `log_damaged`
 */
export function extendLog(
  store: LogStore,
  logId: number,
  from: number,
  entries: readonly Uint8Array[],
): Promise<Head> {
  return store.sequence(logId, async (tx) => {
    const { head } = tx
    if (from > head.size) {
      throw new LogError(
        'index_out_of_range',
        `entries from ${from} on cannot follow ${head.size}, the size of the log: add those between first`,
        { from, size: head.size },
      )
    }
    const fresh = entries.slice(head.size - from)
    if (fresh.length === 0) return head
    const edge = checkedEdge({ name: String(logId) }, head, await tx.edgeTiles())
    const leafHashes = concat(...fresh.map(hashLeaf))
    const grown = appendLeaves(edge, leafHashes)
    await tx.putEntries({ entries: fresh, leafHashes })
    await tx.putTiles(grown.tiles)
    const next = { size: grown.edge.size, root: edgeRoot(grown.edge) }
    await tx.moveHead(next)
    return next
  })
}
