// The tree of a range as far as it is known: leaf hashes by group, and above them the roots of full tiles, each row from the
// start of its tile on. From these the root of every size within the range follows.
import { type Edge, edgeFrom } from '../core/append.ts'
import { concat } from '../core/bytes.ts'
import { HASH_SIZE, type Hash } from '../core/hash.ts'
import { foldHashes } from '../core/proof.ts'
import { hashInTile, TILE_WIDTH } from '../core/tile.ts'
import { rangeNodes } from '../core/tree.ts'

/** Roots of the full tiles of the level below, from `start` on; undefined where one is not known. */
export interface TreeRow {
  readonly start: number
  readonly hashes: (Hash | undefined)[]
}

export interface TreeRows {
  /** Leaf hashes of the groups from `firstGroup` on, concatenated, each as long as it is known. */
  readonly firstGroup: number
  readonly leaves: Uint8Array[]
  /** Row l - 1 holds the roots of level l - 1, which are the hashes of level l. */
  readonly above: TreeRow[]
}

interface Known {
  readonly group: number
  /** Of the tree without the group. */
  readonly range: readonly Hash[] | undefined
  /** Perfect subtrees of the group, by level and index: the same at every size that has them. */
  readonly nodes: Map<number, Hash>
}

/** Roots of a tree at any size of the range, undefined where something on the way is not known. */
export function rootsOf(rows: TreeRows): (size: number) => Hash | undefined {
  let known: Known | undefined
  return (size) => {
    const group = Math.floor(size / TILE_WIDTH)
    // Sizes come in order, and hundreds of them may share what is above their group, and most of what is in it.
    if (known?.group !== group) known = { group, range: rangeAbove(rows, group), nodes: new Map() }
    const { range, nodes } = known
    if (range === undefined) return undefined
    const width = size % TILE_WIDTH
    if (width === 0) return foldHashes(range)
    const leaves = rows.leaves[group - rows.firstGroup]
    if (leaves === undefined || leaves.length < width * HASH_SIZE) return undefined
    const within = rangeNodes({ start: 0, end: width }).map((node) => {
      const place = node.level * TILE_WIDTH + node.index
      const folded =
        nodes.get(place) ??
        hashInTile({ level: 0, index: 0, width }, leaves.subarray(0, width * HASH_SIZE), node)
      nodes.set(place, folded)
      return folded
    })
    return foldHashes([...range, ...within])
  }
}

function rangeAbove({ above }: TreeRows, group: number): Edge['range'] | undefined {
  const tiles: Uint8Array[] = [new Uint8Array()]
  for (let level = 1, nodes = group; nodes > 0; level++, nodes = Math.floor(nodes / TILE_WIDTH)) {
    const row = above[level - 1]
    if (row === undefined) return undefined
    const first = Math.floor(nodes / TILE_WIDTH) * TILE_WIDTH
    const hashes = row.hashes.slice(first - row.start, nodes - row.start)
    const present = hashes.filter((hash) => hash !== undefined)
    if (present.length !== nodes - first) return undefined
    tiles.push(concat(...present))
  }
  return group === 0 ? [] : edgeFrom(group * TILE_WIDTH, tiles).range
}
