// Entries with authentication: each bundle is hashed, folded, and proved to be part of the tree of a verified checkpoint
// before its first entry is given out.

import { appendLeaves, EMPTY_EDGE } from '../core/append.ts'
import { concat, equalBytes } from '../core/bytes.ts'
import type { Checkpoint } from '../core/checkpoint.ts'
import { ProofError } from '../core/errors.ts'
import { type Hash, hashAt, hashLeaf } from '../core/hash.ts'
import { TILE_WIDTH, type TileId, tilePath } from '../core/tile.ts'
import { planSubtree } from '../core/tree.ts'
import { checkSubtree } from '../core/verify.ts'
import { ClientError, EvidenceError } from './errors.ts'
import { inOrder } from './in-order.ts'
import { hashesOfPlan, type Tiles } from './tiles.ts'

/** An entry that is in the log at this index. */
export type LogEntry = { readonly index: number; readonly entry: Uint8Array; readonly leafHash: Hash }

const BUNDLES_UNDER_WAY = 4

/**
 * The entries `start` to `end`, exclusive, of the tree of a verified checkpoint.
 * @throws EvidenceError `entry_differs`, `tile_differs`, `tile_missing`, naming the place; ClientError `not_found` outside
 * the tree; RangeError unless 0 <= start <= end
 */
export async function* authenticEntries(
  tiles: Tiles,
  { size, root }: Checkpoint,
  start: number,
  end: number,
): AsyncGenerator<LogEntry, void, undefined> {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start > end) {
    throw new RangeError(`There are no entries ${start} to ${end} in any log.`)
  }
  if (end > size) {
    throw new ClientError('not_found', `entry ${end - 1} is not in the log, which has ${size} entries`, {
      problem: 'index_out_of_range',
    })
  }
  const bundles = bundlesOf(start, end, size)
  for await (const entries of inOrder(bundles, BUNDLES_UNDER_WAY, (id) =>
    authenticBundle(tiles, id, size, root),
  )) {
    yield* entries.filter(({ index }) => index >= start && index < end)
  }
}

function* bundlesOf(start: number, end: number, size: number): Generator<TileId> {
  for (let index = Math.floor(start / TILE_WIDTH); index * TILE_WIDTH < end; index++) {
    yield { level: 0, index, width: Math.min(TILE_WIDTH, size - index * TILE_WIDTH) }
  }
}

async function authenticBundle(tiles: Tiles, id: TileId, size: number, root: Hash): Promise<LogEntry[]> {
  const start = id.index * TILE_WIDTH
  const end = start + id.width
  const bundle = await tiles.bundle(id.index, id.width)
  const entries = bundle.map((entry, i) => ({ index: start + i, entry, leafHash: hashLeaf(entry) }))
  // A bundle is a subtree, and its hash that of a tree of its own.
  const subtree = appendLeaves(EMPTY_EDGE, concat(...entries.map(({ leafHash }) => leafHash))).root
  const proof = await hashesOfPlan(tiles, planSubtree(start, end, size), size)
  try {
    checkSubtree(start, end, size, subtree, proof, root)
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause
    throw await whereItDiffers(tiles, id, entries, cause)
  }
  return entries
}

/** The bundle is not in the tree; its hash tile tells which entry is wrong, unless tile and bundle are wrong together. */
async function whereItDiffers(
  tiles: Tiles,
  id: TileId,
  entries: readonly LogEntry[],
  cause: ProofError,
): Promise<EvidenceError> {
  const hashes = await tiles.tile(id)
  const wrong = entries.find(({ leafHash }, i) => !equalBytes(leafHash, hashAt(hashes, i)))
  if (wrong) return entryDiffers(wrong.index, id, cause)
  const message = `${tilePath(id)}: its hashes, and those of the tiles above it, do not lead to the root of the checkpoint`
  return new EvidenceError('tile_differs', message, { path: tilePath(id) }, { cause })
}

/** The error for an entry whose leaf hash is not the one of its hash tile. */
export function entryDiffers(index: number, id: TileId, cause?: unknown): EvidenceError {
  const path = tilePath(id)
  return new EvidenceError(
    'entry_differs',
    `entry ${index}: leaf hash differs from ${path}`,
    { index, path },
    { cause },
  )
}
