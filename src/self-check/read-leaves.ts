// The entries of a range, each hashed again, in the groups of 256 that tiles are made of.
import { HASH_SIZE, type Hash, hashLeaf } from '../core/hash.ts'
import { TILE_WIDTH } from '../core/tile.ts'
import { same } from './fold-tile.ts'
import type { Scan } from './ports.ts'

/** Up to 256 entries that share a tile. Positions are within the group. */
export interface LeafGroup {
  readonly index: number
  /** How many entries it should have. */
  readonly width: number
  /** The column leaf_hash, concatenated; zeros where a row is missing. */
  readonly stored: Uint8Array
  readonly present: Uint8Array
  /** SHA-256(0x00 || data) where it is not what the column says. */
  readonly computed: Map<number, Hash>
  readonly wrongKeys: number[]
  count: number
  /** Of the entries. */
  bytes: number
}

/** @param start a multiple of 256 */
export async function readLeaves(
  scan: Scan,
  logId: number,
  start: number,
  end: number,
): Promise<LeafGroup[]> {
  const groups: LeafGroup[] = []
  for (let at = start; at < end; at += TILE_WIDTH) {
    groups.push({
      index: at / TILE_WIDTH,
      width: Math.min(TILE_WIDTH, end - at),
      stored: new Uint8Array(TILE_WIDTH * HASH_SIZE),
      present: new Uint8Array(TILE_WIDTH),
      computed: new Map(),
      wrongKeys: [],
      count: 0,
      bytes: 0,
    })
  }
  await scan.entries(logId, start, end, (index, leafHash, data, keyed) => {
    const group = groups[Math.floor((index - start) / TILE_WIDTH)]
    if (group === undefined) return // not what was asked for
    const position = (index - start) % TILE_WIDTH
    const hash = hashLeaf(data)
    group.count++
    group.bytes += data.length
    group.present[position] = 1
    if (leafHash.length === HASH_SIZE) group.stored.set(leafHash, position * HASH_SIZE)
    if (!same(hash, leafHash)) group.computed.set(position, hash)
    else if (!keyed) group.wrongKeys.push(position)
  })
  return groups
}

/** Length of the group up to its first missing row. */
export function unbroken(group: LeafGroup): number {
  const missing = group.present.indexOf(0)
  return missing < 0 ? group.width : Math.min(missing, group.width)
}

/** The group as the data of its entries says. */
export function computedHashes({ stored, computed }: LeafGroup): Uint8Array {
  const hashes = stored.slice()
  for (const [position, hash] of computed) hashes.set(hash, position * HASH_SIZE)
  return hashes
}
