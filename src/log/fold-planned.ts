// Proofs from tiles: plan which hashes are needed, fetch their tiles in one go, fold.
import type { Hash } from '../core/hash.ts'
import { foldHashes } from '../core/proof.ts'
import { tileOfNode } from '../core/tile.ts'
import { type Range, rangeNodes } from '../core/tree.ts'
import type { TileCoordinate } from './ports.ts'
import { nodeInTile, type TileCache } from './tile-cache.ts'

/** The hashes of a planned proof (core/tree.ts) in the tree of `size`. @throws LogError `log_damaged`, `store_unavailable` */
export async function foldPlanned(tiles: TileCache, plan: readonly Range[], size: number): Promise<Hash[]> {
  const needed: TileCoordinate[] = []
  const parts = plan.map((range) =>
    rangeNodes(range).map((node) => ({ node, at: placeOf(needed, tileOfNode(node, size)) })),
  )
  const read = await tiles.get(needed)
  return parts.map((part) =>
    foldHashes(
      part.map(({ node, at }) => {
        const tile = read[at]
        if (tile === undefined) throw new RangeError(`tile of node ${node.level}/${node.index} was not read`)
        return nodeInTile(tile, node)
      }),
    ),
  )
}

/** Where a tile stands among the needed ones, added if it does not yet. A proof needs a handful: searching beats hashing. */
function placeOf(needed: TileCoordinate[], tile: TileCoordinate): number {
  const at = needed.findIndex(({ level, index }) => level === tile.level && index === tile.index)
  return at >= 0 ? at : needed.push(tile) - 1
}
