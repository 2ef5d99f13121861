// What a copy holds already, believed only as far as its own signed checkpoint covers it.
import { fetchCheckpoint } from '../client/connect.ts'
import { ClientError, EvidenceError } from '../client/errors.ts'
import { type Tiles, tilesOver } from '../client/tiles.ts'
import type { Transport } from '../client/transport.ts'
import { type Edge, edgeFrom, edgeRoot, EMPTY_EDGE } from '../core/append.ts'
import { equalBytes, toBase64 } from '../core/bytes.ts'
import { checkPolicy } from '../core/check-policy.ts'
import { type Checkpoint } from '../core/checkpoint.ts'
import type { Policy } from '../core/policy.ts'
import { partialWidth, TILE_WIDTH } from '../core/tile.ts'

export interface Held {
  readonly checkpoint: Checkpoint
  readonly note: Uint8Array
  /** The right edge of the tree over the copy's whole bundles: from there on it grows. */
  readonly edge: Edge
}

/**
 * Undefined when there is nothing yet.
 * @throws EvidenceError `root_differs`, `tile_missing`, `tile_differs` when the copy is damaged; errors of checkPolicy
 */
export async function readHeld(copy: Transport, policy: Policy): Promise<Held | undefined> {
  const note = await checkpointIfThere(copy)
  if (note === undefined) return undefined
  // Who the witnesses were at the time, the policy does not say.
  const { checkpoint } = checkPolicy(note, { logs: policy.logs, witnesses: [], groups: [], quorum: 'none' })
  const { size, root } = checkpoint
  const tiles = await edgeTiles(tilesOver(copy), size)
  const computed = edgeRoot(edgeFrom(size, tiles))
  if (!equalBytes(computed, root)) {
    throw new EvidenceError(
      'root_differs',
      `${copy.url}: its tiles at size ${size} give the root ${toBase64(computed)}, its checkpoint says ${toBase64(root)}: export to another place, and find out who changed this one`,
      { size },
    )
  }
  const whole = size - (size % TILE_WIDTH)
  const edge = whole === 0 ? EMPTY_EDGE : edgeFrom(whole, [new Uint8Array(), ...tiles.slice(1)])
  return { checkpoint, note, edge }
}

async function edgeTiles(tiles: Tiles, size: number): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    const width = partialWidth(level, size)
    const index = Math.floor(size / TILE_WIDTH ** (level + 1))
    found.push(width === 0 ? new Uint8Array() : await tiles.tile({ level, index, width }))
  }
  return found
}

async function checkpointIfThere(copy: Transport): Promise<Uint8Array | undefined> {
  try {
    return await fetchCheckpoint(copy)
  } catch (error) {
    if (error instanceof ClientError && error.code === 'not_found') return undefined
    throw error
  }
}
