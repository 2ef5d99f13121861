// Tiles and bundles of a log, as served (https://c2sp.org/tlog-tiles). Nothing here is verified but its shape: what uses a
// hash folds it into a proof that ends at a signed root. Only what a verified checkpoint implies may be asked for.

import { MAX_ENTRY_SIZE, parseBundle } from '../core/bundle.ts'
import { FormatError } from '../core/errors.ts'
import { HASH_SIZE, type Hash } from '../core/hash.ts'
import { foldPlan, nodesOfPlan } from '../core/proof.ts'
import { bundlePath, hashInTile, TILE_WIDTH, type TileId, tileOfNode, tilePath } from '../core/tile.ts'
import type { NodeId, Range } from '../core/tree.ts'
import { ClientError, EvidenceError } from './errors.ts'
import { type ClientRequest, type Transport } from './transport.ts'

export interface Tiles {
  /** Exactly `width` hashes. @throws EvidenceError `tile_missing`, `tile_differs`; ClientError */
  tile(id: TileId): Promise<Uint8Array>
  /** Exactly `width` entries. @throws EvidenceError `tile_missing`, `tile_differs`; ClientError */
  bundle(index: number, width: number): Promise<Uint8Array[]>
}

/** Tiles kept in memory: 8 kB each. */
const CACHED_TILES = 256
const FULL_TILE = TILE_WIDTH * HASH_SIZE
const FULL_BUNDLE = TILE_WIDTH * (2 + MAX_ENTRY_SIZE)

export function tilesOver(transport: Transport): Tiles {
  const cache = new Map<string, Promise<Uint8Array>>()
  return {
    tile(id) {
      const path = tilePath(id)
      const known = cache.get(path)
      if (known) return known
      const loading = fetchTile(transport, id)
      cache.set(path, loading)
      // A failure is not kept: the next one who asks may have more luck.
      loading.catch(() => cache.delete(path))
      for (const oldest of cache.keys()) if (cache.size > CACHED_TILES) cache.delete(oldest)
      return loading
    },
    bundle: (index, width) => fetchBundle(transport, index, width),
  }
}

/** The hashes of a plan (core/tree.ts) in the tree of `size` leaves, in proof order. @throws as Tiles.tile */
export async function hashesOfPlan(tiles: Tiles, plan: readonly Range[], size: number): Promise<Hash[]> {
  const nodes = nodesOfPlan(plan)
  const found = await Promise.all(nodes.map((node) => hashOfNode(tiles, node, size)))
  const hashes = new Map(nodes.map((node, i) => [`${node.level}/${node.index}`, found[i]]))
  return foldPlan(plan, ({ level, index }) => hashes.get(`${level}/${index}`) ?? unplanned(level, index))
}

async function hashOfNode(tiles: Tiles, node: NodeId, size: number): Promise<Hash> {
  const id = tileOfNode(node, size)
  return hashInTile(id, await tiles.tile(id), node)
}

function unplanned(level: number, index: number): never {
  throw new Error(`node ${level}/${index} is not among the nodes of its plan`)
}

async function fetchTile(transport: Transport, id: TileId): Promise<Uint8Array> {
  const path = tilePath(id)
  const full = { ...id, width: TILE_WIDTH }
  const { bytes, whole } = await getOrWhole(transport, path, tilePath(full), FULL_TILE)
  const expected = whole ? FULL_TILE : id.width * HASH_SIZE
  if (bytes.length === expected) return bytes.slice(0, id.width * HASH_SIZE)
  throw new EvidenceError('tile_differs', `${path}: ${bytes.length} bytes instead of ${expected}`, { path })
}

async function fetchBundle(transport: Transport, index: number, width: number): Promise<Uint8Array[]> {
  const path = bundlePath(index, width)
  const { bytes, whole } = await getOrWhole(transport, path, bundlePath(index, TILE_WIDTH), FULL_BUNDLE)
  const entries = parsed(bytes, path)
  const expected = whole ? TILE_WIDTH : width
  if (entries.length === expected) return entries.slice(0, width)
  throw new EvidenceError('tile_differs', `${path}: ${entries.length} entries instead of ${expected}`, {
    path,
  })
}

function parsed(bytes: Uint8Array, path: string): Uint8Array[] {
  try {
    return parseBundle(bytes)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new EvidenceError('tile_differs', `${path}: ${cause.message}`, { path }, { cause })
  }
}

/** A log may drop a partial once the full one exists (tlog-tiles, "Partial Tiles"); then the full one is asked for. */
async function getOrWhole(
  transport: Transport,
  path: string,
  wholePath: string,
  limit: number,
): Promise<{ bytes: Uint8Array; whole: boolean }> {
  const part = await getIfThere(transport, { path, limit })
  if (part) return { bytes: part, whole: false }
  const whole = path === wholePath ? undefined : await getIfThere(transport, { path: wholePath, limit })
  if (whole) return { bytes: whole, whole: true }
  throw new EvidenceError('tile_missing', `${path}: not there, although the checkpoint implies it`, { path })
}

async function getIfThere(transport: Transport, request: ClientRequest): Promise<Uint8Array | undefined> {
  try {
    return await transport.request(request)
  } catch (error) {
    if (error instanceof ClientError && error.code === 'not_found') return undefined
    throw error
  }
}
