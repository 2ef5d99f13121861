// Tiles in memory, with the nodes between their hashes and their root computed once: a proof is then look-ups only.
// A tile of a given width never changes, so nothing is ever invalidated.
import { LRUCache } from 'lru-cache'
import { HASH_SIZE, type Hash, hashNode } from '../core/hash.ts'
import { TILE_HEIGHT, TILE_WIDTH } from '../core/tile.ts'
import type { NodeId } from '../core/tree.ts'
import type { LogStore, TileCoordinate } from './ports.ts'

/** A tile and the perfect subtrees within it: `rows[h]` has the concatenated hashes of height h above the tile's own. */
export interface CachedTile {
  readonly hashes: Uint8Array
  readonly rows: readonly Uint8Array[]
}

export interface TileCache {
  /** Tiles in the order asked; what is missing is read in one go. */
  get(tiles: readonly TileCoordinate[]): Promise<CachedTile[]>
  /** Hashes of ranges that are no node of any tile, by `start-end`: the right edge, which every proof of a tree ends with. */
  readonly folded: LRUCache<string, Hash>
}

/** Nodes of each height in a full tile. */
export const NODES_IN_ROW: readonly number[] = Array.from(
  { length: TILE_HEIGHT },
  (_, height) => TILE_WIDTH / 2 ** height,
)

/** Some forty trees. */
const FOLDED_RANGES = 1000

/** @param bytes memory for tiles at most */
export function createTileCache(logId: number, store: LogStore, bytes: number): TileCache {
  const cache = new LRUCache<string, CachedTile>({
    maxSize: bytes,
    sizeCalculation: (tile) => tile.rows.reduce((sum, row) => sum + row.length, 200),
  })
  return {
    folded: new LRUCache({ max: FOLDED_RANGES }),
    async get(tiles) {
      const found = tiles.map((tile) => cache.get(keyOf(tile)))
      if (allFound(found)) return found
      const missing = tiles.filter((_, i) => found[i] === undefined)
      const read = await store.tiles(logId, missing)
      for (const [i, tile] of missing.entries()) {
        const hashes = read[i]
        if (hashes !== undefined) cache.set(keyOf(tile), expand(hashes))
      }
      return tiles.map((tile, i) => found[i] ?? cache.get(keyOf(tile)) ?? unreachable(tile))
    },
  }
}

/** Hash of a node that lies within the tile. */
export function nodeInTile(tile: CachedTile, { level, index }: NodeId): Hash {
  const height = level % TILE_HEIGHT
  const row = tile.rows[height]
  const at = (index % (NODES_IN_ROW[height] ?? 1)) * HASH_SIZE
  const hash = row?.subarray(at, at + HASH_SIZE)
  if (hash?.length !== HASH_SIZE) throw new RangeError(`node ${level}/${index} is not in its tile`)
  return hash
}

function expand(hashes: Uint8Array): CachedTile {
  const rows = [hashes]
  for (let below = hashes; rows.length < TILE_HEIGHT;) {
    const pairs = Math.floor(below.length / (2 * HASH_SIZE))
    const row = new Uint8Array(pairs * HASH_SIZE)
    for (let i = 0; i < pairs; i++) {
      const at = i * 2 * HASH_SIZE
      row.set(
        hashNode(below.subarray(at, at + HASH_SIZE), below.subarray(at + HASH_SIZE, at + 2 * HASH_SIZE)),
        i * HASH_SIZE,
      )
    }
    rows.push(row)
    below = row
  }
  return { hashes, rows }
}

function allFound(found: readonly (CachedTile | undefined)[]): found is CachedTile[] {
  return !found.includes(undefined)
}

function keyOf({ level, index, width }: TileCoordinate): string {
  return `${level}/${index}/${width}`
}

function unreachable(tile: TileCoordinate): never {
  throw new RangeError(`tile ${keyOf(tile)} is larger than the whole cache`)
}
