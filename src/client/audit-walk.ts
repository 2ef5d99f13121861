// The walk of an audit: from the first entry (or where an earlier walk ended) to the last, growing a tree of its own and
// holding everything against it.
import { appendLeaves, type Edge, EMPTY_EDGE, edgeRoot } from '../core/append.ts'
import { equalBytes, toBase64 } from '../core/bytes.ts'
import { HASH_SIZE, type Hash, hashAt, hashLeaf } from '../core/hash.ts'
import { partialWidth, TILE_WIDTH, type TileId, tilePath } from '../core/tile.ts'
import { entryDiffers } from './entries.ts'
import { EvidenceError } from './errors.ts'
import { type Head, headsError } from './head.ts'
import { inOrder } from './in-order.ts'
import type { Tiles } from './tiles.ts'

/** A head whose signature was verified, and its name for the error if the tree turns out otherwise. */
export type SignedHead = {
  readonly name: string
  readonly size: number
  readonly root: Hash
  readonly note: Uint8Array
}

export type WalkOptions = {
  readonly entries: boolean
  /** Where an earlier walk ended, at the end of a bundle; the empty tree unless given. */
  readonly from?: Edge
  /** Called after each bundle, and waited for. */
  readonly onProgress: (edge: Edge) => Promise<void> | void
}

export type Walked = {
  /** Hash tiles compared. */
  readonly tiles: number
  readonly edge: Edge
}

const BUNDLES_UNDER_WAY = 8

/**
 * Compares all that the tree grows by. `signed` come in order of size; each is checked as the tree passes its size.
 * @throws EvidenceError for the first difference; ClientError
 */
export async function walkLog(
  tiles: Tiles,
  newest: Head,
  signed: AsyncGenerator<SignedHead, void, undefined>,
  { entries, from = EMPTY_EDGE, onProgress }: WalkOptions,
): Promise<Walked> {
  const { size } = newest.checkpoint
  const heads = await headsAlong(signed, newest)
  let edge = from
  let compared = 0
  await heads.pass(edge)
  const readLeaves = (id: TileId): Promise<Uint8Array> => leafHashesOf(tiles, id, entries)
  for await (const leaves of inOrder(leafTiles(from.size, size), BUNDLES_UNDER_WAY, readLeaves)) {
    compared++
    for (let at = 0; at < leaves.length;) {
      const end = Math.min(leaves.length, at + (heads.nextSize() - edge.size) * HASH_SIZE)
      const grown = appendLeaves(edge, leaves.subarray(at, end))
      for (const { level, index, hashes } of grown.tiles.filter((tile) => tile.level > 0)) {
        await compareTile(tiles, { level, index, width: TILE_WIDTH }, hashes)
        compared++
      }
      edge = grown.edge
      at = end
      await heads.pass(edge)
    }
    await onProgress(edge)
  }
  heads.end()
  return { tiles: compared + (await comparePartials(tiles, edge)), edge }
}

function* leafTiles(from: number, size: number): Generator<TileId> {
  for (let index = from / TILE_WIDTH; index * TILE_WIDTH < size; index++) {
    yield { level: 0, index, width: Math.min(TILE_WIDTH, size - index * TILE_WIDTH) }
  }
}

/** The hashes of a tile of level 0, each of them that of the entry served at its index. */
async function leafHashesOf(tiles: Tiles, id: TileId, entries: boolean): Promise<Uint8Array> {
  const [hashes, bundle] = await Promise.all([
    tiles.tile(id),
    entries ? tiles.bundle(id.index, id.width) : [],
  ])
  const wrong = bundle.findIndex((entry, i) => !equalBytes(hashLeaf(entry), hashAt(hashes, i)))
  if (wrong >= 0) throw entryDiffers(id.index * TILE_WIDTH + wrong, id)
  return hashes
}

async function comparePartials(tiles: Tiles, edge: Edge): Promise<number> {
  let compared = 0
  for (const [level, hashes] of edge.tiles.entries()) {
    const width = partialWidth(level, edge.size)
    if (level === 0 || width === 0) continue
    const index = Math.floor(edge.size / TILE_WIDTH ** (level + 1))
    await compareTile(tiles, { level, index, width }, hashes)
    compared++
  }
  return compared
}

async function compareTile(tiles: Tiles, id: TileId, hashes: Uint8Array): Promise<void> {
  const served = await tiles.tile(id)
  for (let place = 0; place < id.width; place++) {
    if (equalBytes(hashAt(served, place), hashAt(hashes, place))) continue
    const path = tilePath(id)
    const message = `${path}: hash ${place} is not that of the tile below it`
    throw new EvidenceError('tile_differs', message, { path, place })
  }
}

/** The signed heads as the tree grows past them. */
async function headsAlong(signed: AsyncGenerator<SignedHead, void, undefined>, newest: Head) {
  let next = (await signed.next()).value
  let last: SignedHead | undefined
  return {
    /** The size at which the tree has to stop next. */
    nextSize: (): number => next?.size ?? Number.POSITIVE_INFINITY,
    /** Checks every head of the size that the tree has now. */
    async pass(edge: Edge): Promise<void> {
      while (next && next.size <= edge.size) {
        if (last && next.size < last.size) {
          const message = `${next.name}: size ${next.size}, after size ${last.size} was signed before it`
          throw headsError('head_rewound', message, { remembered: last.note, offered: next.note })
        }
        checkRoot(next, edge, newest)
        last = next
        next = (await signed.next()).value
      }
    },
    /** After the last entry: a head that was not reached is larger than the newest checkpoint. */
    end(): void {
      if (!next) return
      const message = `the checkpoint has size ${newest.checkpoint.size}, but ${next.name} has size ${next.size}`
      throw headsError('head_rewound', message, { remembered: next.note, offered: newest.note })
    },
  }
}

function checkRoot(head: SignedHead, edge: Edge, newest: Head): void {
  const computed = edgeRoot(edge)
  if (equalBytes(computed, head.root)) return
  const message = `root at size ${edge.size}: ${head.name} says ${toBase64(head.root)}, the entries give ${toBase64(computed)}`
  if (head.note !== newest.note) {
    throw headsError('heads_inconsistent', message, { remembered: head.note, offered: newest.note })
  }
  throw new EvidenceError('root_differs', message, { size: edge.size })
}
