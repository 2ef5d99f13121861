// The levels above the leaves: each tile's hashes against the roots one level below, and its root against its hashes.
import { concat } from '../core/bytes.ts'
import { HASH_SIZE, type Hash } from '../core/hash.ts'
import { TILE_WIDTH } from '../core/tile.ts'
import { reportTile } from './check-leaves.ts'
import { type Collector, shown } from './finding.ts'
import { fittingHead } from './fitting-head.ts'
import { foldTile, same } from './fold-tile.ts'
import type { StoredTile } from './ports.ts'
import { settle } from './settle.ts'
import type { TileSource } from './tile-source.ts'
import type { TreeRow } from './tree-rows.ts'

/**
 * What stands above tile `index` of `level` says of its hash: the tile above, if it is full, else the root of the head, by
 * whichever of the candidates leads to it. Undefined when neither says anything.
 */
export async function hashAbove(
  source: TileSource,
  level: number,
  index: number,
  candidates: readonly Hash[],
): Promise<Hash | undefined> {
  const { scan, logId, size } = source
  const above = Math.floor(index / TILE_WIDTH)
  if ((above + 1) * TILE_WIDTH ** (level + 2) > size) return fittingHead(source, level, index, candidates)
  const [tile] = await scan.tiles(logId, level + 1, above, above + 1)
  const at = (index % TILE_WIDTH) * HASH_SIZE
  const hash = tile?.hashes.subarray(at, at + HASH_SIZE)
  return hash?.length === HASH_SIZE ? hash : undefined
}

/**
 * The rows above the leaves of a range.
 * @param start first entry of the range, a multiple of 256
 * @param nodes hashes of the full groups of the range
 */
export async function checkLevels(
  source: TileSource,
  start: number,
  nodes: readonly (Hash | undefined)[],
  found: Collector,
): Promise<TreeRow[]> {
  const rows: TreeRow[] = []
  let fresh = nodes
  let next = start / TILE_WIDTH // index of the first of `fresh` in its row
  for (let level = 1; next + fresh.length > 0; level++) {
    const row = { start: Math.floor(next / TILE_WIDTH) * TILE_WIDTH, hashes: [] as (Hash | undefined)[] }
    row.hashes.push(...(await rootsBefore(source, level - 1, row.start, next, found)), ...fresh)
    const firstTile = row.start / TILE_WIDTH
    const full = Math.floor(row.hashes.length / TILE_WIDTH)
    const stored = full === 0 ? [] : await source.scan.tiles(source.logId, level, firstTile, firstTile + full)
    const above: (Hash | undefined)[] = []
    for (let i = 0; i < full; i++) {
      const tile = stored.find(({ index }) => index === firstTile + i)
      above.push(await checkTile(source, level, firstTile + i, tile, row, found))
    }
    rows.push(row)
    fresh = above
    next = firstTile
  }
  return rows
}

/** The stored roots of the full tiles of a level that lie before the range, in the tile above that the range adds to. */
async function rootsBefore(
  { scan, logId }: TileSource,
  level: number,
  start: number,
  end: number,
  found: Collector,
): Promise<(Hash | undefined)[]> {
  const hashes: (Hash | undefined)[] = Array.from({ length: end - start }, () => undefined)
  if (end === start) return hashes
  for (const { index, root } of await scan.roots(logId, level, start, end)) hashes[index - start] = root
  for (const [i, hash] of hashes.entries()) {
    if (hash !== undefined) continue
    found.add({ table: 'tiles', level, index: start + i, column: 'row', expected: 'a row', found: 'none' })
  }
  return hashes
}

/** Compares a full tile with the row that it consists of, puts the truth into that row, and returns the tile's hash. */
async function checkTile(
  source: TileSource,
  level: number,
  index: number,
  tile: StoredTile | undefined,
  row: TreeRow,
  found: Collector,
): Promise<Hash | undefined> {
  const at = index * TILE_WIDTH - row.start
  const below = row.hashes.slice(at, at + TILE_WIDTH)
  const known = below.filter((hash) => hash !== undefined)
  const derived = known.length === TILE_WIDTH ? concat(...known) : undefined
  if (derived !== undefined && tile !== undefined && same(derived, tile.hashes)) {
    const node = foldTile(derived)
    if (same(node, tile.root)) return node
  }
  const layers = [
    ...(tile?.hashes.length === TILE_WIDTH * HASH_SIZE ? [tile.hashes] : []),
    ...(derived === undefined ? [] : [derived]),
  ]
  if (layers.length === 0) {
    found.add({ table: 'tiles', level, index, column: 'row', expected: 'a row', found: 'none' })
    return undefined
  }
  const above = await hashAbove(source, level, index, layers.map(foldTile))
  const { truth, node } = settle(layers, [above, tile?.root])
  reportTile(level, index, tile, truth, node, found)
  for (let i = 0; i < TILE_WIDTH; i++) {
    const right = truth.slice(i * HASH_SIZE, (i + 1) * HASH_SIZE)
    const below = row.hashes[at + i]
    if (below !== undefined && !same(below, right))
      reportChild(level - 1, row.start + at + i, right, below, found)
    row.hashes[at + i] = right
  }
  return node
}

/** A tile whose root is another than the tile above has, although it may agree with all that is beneath it. */
function reportChild(level: number, index: number, right: Hash, stored: Hash, found: Collector): void {
  if (found.hasTile(level, index)) return
  found.add({ table: 'tiles', level, index, column: 'root', expected: shown(right), found: shown(stored) })
}
