// Proofs from tiles: plan which hashes are needed, fetch their tiles in one go, fold.
import type { Hash } from '../core/hash.ts'
import { foldHashes } from '../core/proof.ts'
import { TILE_HEIGHT, tileOfNode } from '../core/tile.ts'
import { type NodeId, type Range, rangeNodes } from '../core/tree.ts'
import type { TileCoordinate } from './ports.ts'
import { nodeInTile, NODES_IN_ROW, type TileCache } from './tile-cache.ts'

/** The hashes of a planned proof (core/tree.ts) in the tree of `size`. @throws LogError `log_damaged`, `store_unavailable` */
export async function foldPlanned(tiles: TileCache, plan: readonly Range[], size: number): Promise<Hash[]> {
  const needed: TileCoordinate[] = []
  const parts = plan.map((range) => knownOrNodes(tiles, range))
  for (const part of parts) if (Array.isArray(part)) for (const node of part) need(needed, node, size)
  const read = await tiles.get(needed)
  const hashOf = (node: NodeId): Hash => {
    const tile = read[placeOf(needed, node)]
    if (tile === undefined) throw new RangeError(`the tile of node ${node.level}/${node.index} was not read`)
    return nodeInTile(tile, node)
  }
  return parts.map((part, i) => {
    if (!Array.isArray(part)) return part
    const [only] = part
    if (only !== undefined && part.length === 1) return hashOf(only)
    const hash = foldHashes(part.map(hashOf))
    const range = plan[i]
    if (range !== undefined) tiles.folded.set(rangeKey(range), hash)
    return hash
  })
}

/** The hash of a range that was folded before, otherwise the nodes it is folded from. */
function knownOrNodes(tiles: TileCache, range: Range): Hash | NodeId[] {
  const nodes = rangeNodes(range)
  return nodes.length === 1 ? nodes : (tiles.folded.get(rangeKey(range)) ?? nodes)
}

function rangeKey({ start, end }: Range): string {
  return `${start}-${end}`
}

function need(needed: TileCoordinate[], node: NodeId, size: number): void {
  if (placeOf(needed, node) < 0) needed.push(tileOfNode(node, size))
}

/** Where the tile of a node stands among the needed ones, or -1. A proof needs a handful: searching beats hashing. */
function placeOf(needed: readonly TileCoordinate[], node: NodeId): number {
  const level = Math.floor(node.level / TILE_HEIGHT)
  const perTile = NODES_IN_ROW[node.level % TILE_HEIGHT] ?? 1
  const index = Math.floor(node.index / perTile)
  for (let i = needed.length - 1; i >= 0; i--) {
    if (needed[i]?.index === index && needed[i]?.level === level) return i
  }
  return -1
}
