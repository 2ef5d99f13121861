// The right edge of the stored tree, believed only if it gives the root that the head row claims.
import { type Edge, edgeFrom, edgeRoot } from '../core/append.ts'
import { equalBytes, toHex } from '../core/bytes.ts'
import { LogError } from './errors.ts'
import type { Head, LogInfo } from './types.ts'

/** The edge of the stored tree, if it is the tree of `head`. @throws LogError `log_damaged` */
export function checkedEdge(log: Pick<LogInfo, 'name'>, head: Head, tiles: Uint8Array[]): Edge {
  const edge = edgeFrom(head.size, tiles)
  const root = edgeRoot(edge)
  if (!equalBytes(root, head.root)) {
    throw new LogError(
      'log_damaged',
      `log ${log.name}: the stored tiles and leaf hashes at size ${head.size} do not give the root of the head: somebody changed the database; run prooflog audit`,
      { size: head.size, stored: toHex(head.root), computed: toHex(root) },
    )
  }
  return edge
}
