// One range of entries and everything above it: leaf hashes, tiles of every level, and the root of every size within it that
// somebody claimed.
import type { Hash } from '../core/hash.ts'
import { TILE_WIDTH } from '../core/tile.ts'
import type { Head, LogInfo } from '../log/types.ts'
import { checkClaims, type Claim, type Trail } from './check-claims.ts'
import { checkLeaves } from './check-leaves.ts'
import { checkLevels, hashAbove } from './check-levels.ts'
import type { Collector } from './finding.ts'
import { foldTile, same } from './fold-tile.ts'
import type { Breathe, Scan } from './ports.ts'
import { type LeafGroup, readLeaves } from './read-leaves.ts'
import type { TileSource } from './tile-source.ts'
import { rootsOf, type TreeRow, type TreeRows } from './tree-rows.ts'

/** Larger entries count as several. */
const BYTES_OF_ENTRY = 1024

export interface RangeCheck {
  readonly scan: Scan
  readonly info: LogInfo
  /** The tree that the range is part of. */
  readonly head: Head
  /** A multiple of 256. */
  readonly start: number
  /** Exclusive: a multiple of 256, or the size of the head. */
  readonly end: number
  /** Of sizes above `start` (or 0, if that is where the range starts) up to `end`, in order of size. */
  readonly claims: readonly Claim[]
  readonly trail: Trail
  readonly found: Collector
  readonly breathe: Breathe
}

export async function checkRange(check: RangeCheck): Promise<void> {
  const { scan, info, head, start, end, found } = check
  const groups = await readLeaves(scan, info.id, start, end)
  const known = end === head.size ? endOf(groups, start) : end
  if (known === end) return void (await checkGroups(check, groups, end))
  // The tail is missing. Either it was deleted, or there never was one and the head claims it.
  const rest = groups.slice(0, Math.ceil((known - start) / TILE_WIDTH))
  const last = rest.at(-1)
  const width = known % TILE_WIDTH || TILE_WIDTH
  if (last !== undefined && width < last.width) rest[rest.length - 1] = { ...last, width }
  const { rootAt } = await checkGroups(check, rest, known)
  const root = rootAt(known)
  if (root !== undefined && same(root, head.root)) {
    const expected = `${known}, the size of the tree with this root`
    found.add({ table: 'heads', column: 'size', expected, found: String(head.size) })
  } else {
    found.add({
      table: 'entries',
      index: known,
      count: end - known,
      column: 'row',
      expected: 'a row',
      found: 'none',
    })
  }
}

/** Where the entries end, if rows are missing up to the end. */
function endOf(groups: readonly LeafGroup[], start: number): number {
  for (let i = groups.length - 1; i >= 0; i--) {
    const group = groups[i]
    if (group === undefined || group.count === 0) continue
    const last = group.present.lastIndexOf(1, group.width - 1)
    return group.index * TILE_WIDTH + last + 1
  }
  return start
}

interface Checked {
  readonly rootAt: (size: number) => Hash | undefined
}

async function checkGroups(check: RangeCheck, groups: readonly LeafGroup[], end: number): Promise<Checked> {
  const { scan, info, head, start, claims, trail, found, breathe } = check
  const source: TileSource = { scan, logId: info.id, size: head.size, root: head.root }
  const before = found.findings.length + found.more
  const firstGroup = start / TILE_WIDTH
  const tiles = await scan.tiles(info.id, 0, firstGroup, Math.floor(end / TILE_WIDTH))
  const byIndex = new Map(tiles.map((tile) => [tile.index, tile]))
  const leaves: Uint8Array[] = []
  const nodes: (Hash | undefined)[] = []
  for (const group of groups) {
    const parent = (candidates: readonly Hash[]): Promise<Hash | undefined> =>
      hashAbove(source, 0, group.index, candidates)
    const { truth, node } = await checkLeaves(group, byIndex.get(group.index), parent, found)
    leaves.push(truth)
    if (group.width === TILE_WIDTH) nodes.push(node)
    await breathe(Math.max(group.width, group.bytes / BYTES_OF_ENTRY))
  }
  const rows = { firstGroup, leaves, above: await checkLevels(source, start, nodes, found) }
  const explained = found.findings.length + found.more > before
  const within = claims.filter(({ size }) => size <= end)
  const rootAt = await bestRoots(source, rows, within)
  checkClaims(
    { claims: within, rootAt: rootAt.of, explained: explained || rootAt.repair(found) },
    trail,
    found,
  )
  return { rootAt: rootAt.of }
}

interface BestRoots {
  readonly of: (size: number) => Hash | undefined
  /** Reports what had to be put right; whether that was anything. */
  readonly repair: (found: Collector) => boolean
}

/**
 * The roots of the range. If they are not those that were claimed last, the tiles before the range, of which only the roots
 * were read, are folded from their hashes: if that helps, these roots were wrong.
 */
async function bestRoots(source: TileSource, rows: TreeRows, claims: readonly Claim[]): Promise<BestRoots> {
  const plain = rootsOf(rows)
  const none: BestRoots = { of: plain, repair: () => false }
  const last = claims.findLast(({ by }) => by === 'checkpoint' || by === 'guard') ?? claims.at(-1)
  if (last === undefined) return none
  const root = plain(last.size)
  if (root !== undefined && same(root, last.root)) return none
  const repaired: { level: number; index: number; root: Hash; stored: Hash }[] = []
  const above: TreeRow[] = []
  for (const [level, row] of rows.above.entries()) {
    const hashes = [...row.hashes]
    const { start } = row
    const tiles = await source.scan.tiles(source.logId, level, start, start + hashes.length)
    for (const tile of tiles) {
      const folded = foldTile(tile.hashes)
      const stored = hashes[tile.index - start]
      if (stored === undefined || same(folded, stored)) continue
      hashes[tile.index - start] = folded
      repaired.push({ level, index: tile.index, root: folded, stored })
    }
    above.push({ start, hashes })
  }
  const better = rootsOf({ ...rows, above })
  const now = better(last.size)
  if (repaired.length === 0 || now === undefined || !same(now, last.root)) return none
  return {
    of: better,
    repair(found) {
      for (const { level, index, root: right, stored } of repaired) {
        if (found.hasTile(level, index)) continue
        const expected = Buffer.from(right).toString('hex')
        found.add({
          table: 'tiles',
          level,
          index,
          column: 'root',
          expected,
          found: Buffer.from(stored).toString('hex'),
        })
      }
      return true
    },
  }
}
