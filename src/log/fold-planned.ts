// Proofs from tiles: plan which hashes are needed, fetch their tiles in one go, fold.
import type { Hash } from '../core/hash.ts'
import { foldPlan, nodesOfPlan } from '../core/proof.ts'
import { tileOfNode } from '../core/tile.ts'
import type { NodeId, Range } from '../core/tree.ts'
import type { TileCoordinate } from './ports.ts'
import { type CachedTile, nodeInTile, type TileCache } from './tile-cache.ts'

/** The hashes of a planned proof (core/tree.ts) in the tree of `size`. @throws LogError `log_damaged`, `store_unavailable` */
export async function foldPlanned(tiles: TileCache, plan: readonly Range[], size: number): Promise<Hash[]> {
  const needed = new Map<string, TileCoordinate>()
  for (const node of nodesOfPlan(plan)) {
    const tile = tileOfNode(node, size)
    needed.set(keyOf(tile), tile)
  }
  const read = await tiles.get([...needed.values()])
  const byKey = new Map<string, CachedTile>()
  for (const [i, key] of [...needed.keys()].entries()) {
    const tile = read[i]
    if (tile !== undefined) byKey.set(key, tile)
  }
  return foldPlan(plan, (node: NodeId) => {
    const tile = byKey.get(keyOf(tileOfNode(node, size)))
    if (tile === undefined) throw new RangeError(`node ${node.level}/${node.index} was not planned`)
    return nodeInTile(tile, node)
  })
}

function keyOf({ level, index }: TileCoordinate): string {
  return `${level}/${index}`
}
