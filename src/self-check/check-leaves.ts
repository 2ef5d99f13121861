// Level 0: entries against their hashes, and these against the tile.
import { HASH_SIZE, type Hash } from '../core/hash.ts'
import { TILE_WIDTH } from '../core/tile.ts'
import { type Collector, shown } from './finding.ts'
import { foldTile, same } from './fold-tile.ts'
import type { StoredTile } from './ports.ts'
import { computedHashes, type LeafGroup, unbroken } from './read-leaves.ts'
import { settle } from './settle.ts'

/** Which hash the tree above has of this tile; it may have to be told which ones there are. */
type Parent = (candidates: readonly Hash[]) => Promise<Hash | undefined>

/** What a group turned out to be. */
export interface CheckedLeaves {
  /** The leaf hashes, concatenated; of a partial group as far as they are known. */
  readonly truth: Uint8Array
  /** Hash of the subtree of a full group; undefined when nothing is left to compute it from. */
  readonly node: Hash | undefined
}

/**
 * @param tile the stored tile of a full group
 * @param parent asked when they disagree
 */
export async function checkLeaves(
  group: LeafGroup,
  tile: StoredTile | undefined,
  parent: Parent,
  found: Collector,
): Promise<CheckedLeaves> {
  const { stored, computed, wrongKeys } = group
  if (group.width < TILE_WIDTH) {
    reportRows(group, stored, found)
    return { truth: knownPart(group), node: undefined }
  }
  const untouched = group.count === TILE_WIDTH && computed.size === 0 && wrongKeys.length === 0
  if (untouched && tile !== undefined && same(stored, tile.hashes)) {
    const node = foldTile(stored)
    if (same(node, tile.root)) return { truth: stored, node }
  }
  return settleLeaves(group, tile, parent, found)
}

async function settleLeaves(
  group: LeafGroup,
  tile: StoredTile | undefined,
  parent: Parent,
  found: Collector,
): Promise<CheckedLeaves> {
  const complete = group.count === TILE_WIDTH
  const layers = [
    ...(tile?.hashes.length === TILE_WIDTH * HASH_SIZE ? [tile.hashes] : []),
    ...(complete ? [group.stored, computedHashes(group)] : []),
  ]
  if (layers.length === 0) {
    found.add({
      table: 'tiles',
      level: 0,
      index: group.index,
      column: 'row',
      expected: 'a row',
      found: 'none',
    })
    reportRows(group, group.stored, found)
    return { truth: knownPart(group), node: undefined }
  }
  // Where nothing above decides, entries whose every column fits the others are believed rather than the tile.
  const sound = complete && group.computed.size === 0 && group.wrongKeys.length === 0
  const believed = sound ? foldTile(group.stored) : tile?.root
  const { truth, node } = settle(layers, [await parent(layers.map(foldTile)), believed])
  reportRows(group, truth, found)
  reportTile(0, group.index, tile, truth, node, found)
  return { truth, node }
}

/** The leaf hashes up to the first missing row. */
function knownPart(group: LeafGroup): Uint8Array {
  return group.stored.subarray(0, unbroken(group) * HASH_SIZE)
}

/** One finding an entry, naming each of its columns that is wrong. */
function reportRows(group: LeafGroup, truth: Uint8Array, found: Collector): void {
  for (let i = 0; i < group.width; i++) {
    const index = group.index * TILE_WIDTH + i
    if (group.present[i] === 0) {
      found.add({ table: 'entries', index, column: 'row', expected: 'a row', found: 'none' })
      continue
    }
    const right = hashOf(truth, i)
    const stored = hashOf(group.stored, i)
    const data = group.computed.get(i)
    const columns = [
      ...(same(data ?? stored, right) ? [] : ['data']),
      ...(same(stored, right) ? [] : ['leaf_hash']),
      ...(group.wrongKeys.includes(i) ? ['leaf_key'] : []),
    ]
    if (columns.length === 0) continue
    // In a partial tile nothing but the two columns says which of them is right.
    const unsure = group.width < TILE_WIDTH && data !== undefined
    const wrong = same(data ?? stored, right) && !same(stored, right) ? stored : (data ?? stored)
    found.add({
      table: 'entries',
      index,
      column: unsure ? 'data or leaf_hash' : columns.join(', '),
      expected:
        columns[0] === 'leaf_key' ? 'the key of its index and leaf hash' : `leaf hash ${shown(right)}`,
      found: columns[0] === 'leaf_key' ? 'another' : shown(wrong),
    })
  }
}

/** Reports what is wrong with the row of a tile, given what it should be. */
export function reportTile(
  level: number,
  index: number,
  tile: StoredTile | undefined,
  truth: Uint8Array,
  node: Hash,
  found: Collector,
): void {
  if (tile === undefined) {
    found.add({ table: 'tiles', level, index, column: 'row', expected: `root ${shown(node)}`, found: 'none' })
    return
  }
  if (!same(tile.hashes, truth)) {
    const at = firstDifference(tile.hashes, truth)
    found.add({
      table: 'tiles',
      level,
      index,
      column: `hashes[${at}]`,
      expected: shown(hashOf(truth, at)),
      found: shown(hashOf(tile.hashes, at)),
    })
  }
  if (!same(tile.root, node)) {
    found.add({
      table: 'tiles',
      level,
      index,
      column: 'root',
      expected: shown(node),
      found: shown(tile.root),
    })
  }
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < TILE_WIDTH; i++) if (!same(hashOf(a, i), hashOf(b, i))) return i
  return 0
}

function hashOf(hashes: Uint8Array, position: number): Uint8Array {
  return hashes.subarray(position * HASH_SIZE, (position + 1) * HASH_SIZE)
}
