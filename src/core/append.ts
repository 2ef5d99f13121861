// The integrator: leaf hashes in, next edge, finished tiles and root out. A binary counter: adding a leaf merges perfect
// subtrees of equal size, one hash per leaf on average; a merge that reaches 256**n leaves finishes a tile of level n-1, and
// its root is the next hash of the partial tile of level n (https://c2sp.org/tlog-tiles).
import { FormatError, ProofError } from './errors.ts'
import { HASH_SIZE, type Hash, hashAt, hashNode } from './hash.ts'
import { foldHashes } from './proof.ts'
import { hashInTile, partialWidth, TILE_HEIGHT, TILE_WIDTH } from './tile.ts'
import { rangeNodes } from './tree.ts'

/** The right edge of a tree: all that appending needs to know of it. Never changed in place. */
export type Edge = {
  readonly size: number
  /** The partial tile of each level, 0 first, up to the highest level of which the tree has a hash; may be empty arrays. */
  readonly tiles: readonly Uint8Array[]
  /** Roots of the perfect subtrees that make up the tree, largest first. */
  readonly range: readonly Hash[]
}

/** A tile that will never change again: 256 hashes (8,192 bytes) and the hash of the subtree that they span. */
export type FullTile = {
  readonly level: number
  readonly index: number
  readonly hashes: Uint8Array
  readonly root: Hash
}

/** The edge of the empty tree. */
export const EMPTY_EDGE: Edge = { size: 0, tiles: [], range: [] }

/**
 * Adds leaves to a tree. `leafHashes` are n concatenated leaf hashes; finished tiles come in the order in which they fill, a
 * tile of level n before the one of level n+1 that it completes.
 * @throws ProofError `proof_bad_hash` when there is no whole number of hashes, `proof_out_of_range` beyond 2^53-1 leaves
 */
export function appendLeaves(
  edge: Edge,
  leafHashes: Uint8Array,
): { edge: Edge; tiles: FullTile[]; root: Hash } {
  const count = leafHashes.length / HASH_SIZE
  const size = edge.size + count
  if (!Number.isInteger(count)) {
    throw new ProofError('proof_bad_hash', `${leafHashes.length} bytes are no whole number of hashes.`)
  }
  if (!Number.isSafeInteger(size))
    throw new ProofError('proof_out_of_range', 'A tree has at most 9007199254740991 leaves.')

  const range = [...edge.range]
  const filling: Uint8Array[] = []
  const tiles: FullTile[] = []
  for (let i = 0; i < count; i++) {
    let hash = hashAt(leafHashes, i)
    let index = edge.size + i
    fill(filling, edge, 0, index, hash)
    for (let level = 1; index % 2 === 1; level++) {
      hash = hashNode(takeLast(range), hash)
      index = (index - 1) / 2
      if (level % TILE_HEIGHT !== 0) continue
      const above = level / TILE_HEIGHT
      tiles.push({ level: above - 1, index, hashes: tileBeingFilled(filling, edge, above - 1), root: hash })
      fill(filling, edge, above, index, hash)
    }
    range.push(hash)
  }
  const next = { size, tiles: partialTiles(filling, edge, size), range }
  return { edge: next, tiles, root: edgeRoot(next) }
}

/**
 * The edge of the tree of `size` leaves from its partial tiles, level 0 first (see {@link Edge}).
 * @throws FormatError `invalid_tile` when a tile is missing, left over or not as wide as `size` asks, or `size` is none
 */
export function edgeFrom(size: number, tiles: readonly Uint8Array[]): Edge {
  if (!Number.isSafeInteger(size) || size < 0)
    throw new FormatError('invalid_tile', `${size} is not the size of a tree.`)
  const levels = levelsOf(size)
  if (tiles.length !== levels) {
    throw new FormatError(
      'invalid_tile',
      `A tree of size ${size} has ${levels} levels of tiles, not ${tiles.length}.`,
      { size },
    )
  }
  const range = tiles.map((hashes, level) => {
    const width = partialWidth(level, size)
    if (hashes.length !== width * HASH_SIZE) {
      const message = `The partial tile of level ${level} has ${hashes.length} bytes, not the ${width * HASH_SIZE} of size ${size}.`
      throw new FormatError('invalid_tile', message, { size, level })
    }
    // Every tile is folded as if it were the first of level 0: what is inside a tile does not depend on where it is.
    return rangeNodes({ start: 0, end: width }).map((node) =>
      hashInTile({ level: 0, index: 0, width }, hashes, node),
    )
  })
  return { size, tiles: [...tiles], range: range.toReversed().flat() }
}

/** The root of the tree; EMPTY_ROOT for the empty one. */
export function edgeRoot(edge: Edge): Hash {
  return foldHashes(edge.range)
}

/** How many levels of tiles the tree of `size` leaves has. */
function levelsOf(size: number): number {
  let levels = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / TILE_WIDTH)) levels++
  return levels
}

function takeLast(range: Hash[]): Hash {
  const hash = range.pop()
  if (hash) return hash
  throw new FormatError(
    'invalid_tile',
    'The edge holds fewer subtrees than its size asks for: build it with edgeFrom.',
  )
}

function fill(filling: Uint8Array[], edge: Edge, level: number, position: number, hash: Hash): void {
  const place = position % TILE_WIDTH
  if (place === 0) filling[level] = new Uint8Array(TILE_WIDTH * HASH_SIZE)
  tileBeingFilled(filling, edge, level).set(hash, place * HASH_SIZE)
}

/** The tile of a level that is written to: the edge's own is copied the first time, and a finished one is left behind. */
function tileBeingFilled(filling: Uint8Array[], edge: Edge, level: number): Uint8Array {
  const known = filling[level]
  if (known) return known
  const tile = new Uint8Array(TILE_WIDTH * HASH_SIZE)
  tile.set(edge.tiles[level] ?? [])
  filling[level] = tile
  return tile
}

function partialTiles(filling: readonly Uint8Array[], edge: Edge, size: number): Uint8Array[] {
  return Array.from({ length: levelsOf(size) }, (_, level) => {
    const written = filling[level]
    if (written) return written.slice(0, partialWidth(level, size) * HASH_SIZE)
    return edge.tiles[level] ?? new Uint8Array()
  })
}
