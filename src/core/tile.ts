// Hash tiles (https://c2sp.org/tlog-tiles): 256 hashes of one level, 8 levels of the tree each, named by path. A tile of
// level l holds hashes of perfect subtrees of 256**l leaves; what lies between is folded from them.
import { FormatError, ProofError } from './errors.ts'
import { HASH_SIZE, type Hash, hashAt, hashNode } from './hash.ts'
import type { NodeId } from './tree.ts'

/** Hashes in a full tile; entries in a full bundle. */
export const TILE_WIDTH = 256
/** Levels of the tree that one tile spans. */
export const TILE_HEIGHT = 8

const MAX_LEVEL = 63
// tile/entries/x009/x007/x199/x254/x740/991.p/255 is the longest.
const MAX_PATH_LENGTH = 47
const PATH = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/

/** `width` is 1 to 256; a tile narrower than 256 is partial. */
export type TileId = { readonly level: number; readonly index: number; readonly width: number }

/** A hash tile, or the entry bundle that belongs to a tile of level 0. */
export type TilePath = { readonly kind: 'hash' | 'entries'; readonly id: TileId }

/** Hashes in the partial tile of a level in the tree of `size` leaves; 0 means that there is none. */
export function partialWidth(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level) % TILE_WIDTH
}

/**
 * Path below the log's prefix: `tile/0/x001/067.p/8`.
 * @throws FormatError `invalid_tile_path` when there is no such tile
 */
export function tilePath({ level, index, width }: TileId): string {
  if (!isWhole(level, 0, MAX_LEVEL)) throw invalidPath(`Tile levels go from 0 to ${MAX_LEVEL}, not ${level}.`)
  return `tile/${level}/${position(index, width)}`
}

/**
 * Path of an entry bundle below the log's prefix: `tile/entries/x001/067.p/8`.
 * @throws FormatError `invalid_tile_path` when there is no such bundle
 */
export function bundlePath(index: number, width: number): string {
  return `tile/entries/${position(index, width)}`
}

/**
 * The tile or bundle of a path, in its one canonical spelling.
 * @throws FormatError `invalid_tile_path` for anything {@link tilePath} and {@link bundlePath} do not write
 */
export function parseTilePath(path: string): TilePath {
  const [, level, index, width] = (path.length <= MAX_PATH_LENGTH && PATH.exec(path)) || []
  if (level === undefined || index === undefined) throw notTilePath()
  const kind = level === 'entries' ? 'entries' : 'hash'
  const id = {
    level: kind === 'entries' ? 0 : Number(level),
    index: Number(index.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  }
  const canonical = kind === 'entries' ? bundlePath(id.index, id.width) : tilePath(id)
  if (canonical !== path) throw notTilePath()
  return { kind, id }
}

/** Whether the tree of `size` leaves has all hashes (or entries) of the tile. */
export function tileWithin({ level, index, width }: TileId, size: number): boolean {
  return (index * TILE_WIDTH + width) * TILE_WIDTH ** level <= size
}

/**
 * The tile that determines a node in the tree of `size` leaves: full if the tree fills it, else the partial of that size.
 * @throws ProofError `proof_out_of_range` when the tree does not have the node
 */
export function tileOfNode(node: NodeId, size: number): TileId {
  if ((node.index + 1) * 2 ** node.level > size) {
    throw new ProofError(
      'proof_out_of_range',
      `A tree of size ${size} has no node ${node.level}/${node.index}.`,
      { ...node, size },
    )
  }
  const level = Math.floor(node.level / TILE_HEIGHT)
  const index = Math.floor(firstHash(node) / TILE_WIDTH)
  const full = { level, index, width: TILE_WIDTH }
  return tileWithin(full, size) ? full : { level, index, width: partialWidth(level, size) }
}

/**
 * The hash of a node, folded from its tile.
 * @throws FormatError `invalid_tile` unless `hashes` has 32 bytes for each hash of the tile
 * @throws ProofError `proof_out_of_range` when the node is not in the tile
 */
export function hashInTile(tile: TileId, hashes: Uint8Array, node: NodeId): Hash {
  if (hashes.length !== tile.width * HASH_SIZE) {
    const message = `Tile ${tile.level}/${tile.index} has ${hashes.length} bytes instead of ${tile.width * HASH_SIZE}.`
    throw new FormatError('invalid_tile', message, { ...tile })
  }
  const height = node.level - tile.level * TILE_HEIGHT
  const start = firstHash(node) - tile.index * TILE_WIDTH
  const end = start + 2 ** height
  if (height < 0 || height >= TILE_HEIGHT || start < 0 || end > tile.width) {
    const message = `Node ${node.level}/${node.index} is not in tile ${tile.level}/${tile.index} of width ${tile.width}.`
    throw new ProofError('proof_out_of_range', message, { ...node })
  }
  return foldPerfect(hashes, start, end)
}

function foldPerfect(hashes: Uint8Array, start: number, end: number): Hash {
  if (end - start === 1) return hashAt(hashes, start)
  const middle = (start + end) / 2
  return hashNode(foldPerfect(hashes, start, middle), foldPerfect(hashes, middle, end))
}

/** Position of the first hash that a node is folded from, counted over all tiles of its tile level. */
function firstHash(node: NodeId): number {
  return node.index * 2 ** (node.level % TILE_HEIGHT)
}

/** `x001/x234/067` and the width: groups of three digits, all but the last marked with an x. */
function position(index: number, width: number): string {
  if (!isWhole(index, 0, Number.MAX_SAFE_INTEGER)) throw invalidPath(`${index} is not the index of a tile.`)
  if (!isWhole(width, 1, TILE_WIDTH)) throw invalidPath(`Tiles are 1 to ${TILE_WIDTH} wide, not ${width}.`)
  let path = String(index % 1000).padStart(3, '0')
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`
  }
  return width === TILE_WIDTH ? path : `${path}.p/${width}`
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max
}

function notTilePath(): FormatError {
  return invalidPath(
    'Not the path of a tile: use tile/<level>/<index> or tile/entries/<index>, with .p/<width> for a partial one.',
  )
}

function invalidPath(message: string): FormatError {
  return new FormatError('invalid_tile_path', message)
}
