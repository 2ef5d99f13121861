import { edgeFrom, edgeRoot } from '../core/append.ts'
import { HASH_SIZE, type Hash } from '../core/hash.ts'
import { TILE_WIDTH } from '../core/tile.ts'
import { same } from './fold-tile.ts'
import type { TileSource } from './tile-source.ts'

/** Which of several hashes of tile `index` of `level`, at the right edge of the tree, leads to the root of the head. */
export async function fittingHead(
  source: TileSource,
  level: number,
  index: number,
  candidates: readonly Hash[],
): Promise<Hash | undefined> {
  const edge = await readEdge(source)
  return candidates.find((candidate) => {
    const tiles = edge.map((tile) => tile.slice())
    const tile = tiles[level + 1]
    const at = (index % TILE_WIDTH) * HASH_SIZE
    if (tile === undefined || at >= tile.length) return false
    tile.set(candidate, at)
    return same(edgeRoot(edgeFrom(source.size, tiles)), source.root)
  })
}

/** The partial tile of each level as it is stored; with zeros for what is missing. */
async function readEdge({ scan, logId, size }: TileSource): Promise<Uint8Array[]> {
  const tiles: Uint8Array[] = []
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / TILE_WIDTH)) {
    const start = Math.floor(nodes / TILE_WIDTH) * TILE_WIDTH
    const tile = new Uint8Array((nodes - start) * HASH_SIZE)
    const put = (index: number, hash: Uint8Array): void => {
      if (hash.length === HASH_SIZE) tile.set(hash, (index - start) * HASH_SIZE)
    }
    if (level === 0) await scan.entries(logId, start, nodes, put)
    else for (const { index, root } of await scan.roots(logId, level - 1, start, nodes)) put(index, root)
    tiles.push(tile)
  }
  return tiles
}
