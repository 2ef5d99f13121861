// What a copy holds already, believed only as far as its own signed checkpoint covers it.
import { fetchCheckpoint } from '../client/connect.ts'
import { edgeAt, wholeBundles } from '../client/edge.ts'
import { ClientError, EvidenceError } from '../client/errors.ts'
import { tilesOver } from '../client/tiles.ts'
import type { Transport } from '../client/transport.ts'
import { type Edge, edgeRoot } from '../core/append.ts'
import { equalBytes, toBase64 } from '../core/bytes.ts'
import { checkPolicy } from '../core/check-policy.ts'
import { type Checkpoint } from '../core/checkpoint.ts'
import type { Policy } from '../core/policy.ts'

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
  const edge = await edgeAt(tilesOver(copy), size)
  const computed = edgeRoot(edge)
  if (!equalBytes(computed, root)) {
    throw new EvidenceError(
      'root_differs',
      `${copy.url}: its tiles at size ${size} give the root ${toBase64(computed)}, its checkpoint says ${toBase64(root)}: export to another place, and find out who changed this one`,
      { size },
    )
  }
  return { checkpoint, note, edge: wholeBundles(edge) }
}

async function checkpointIfThere(copy: Transport): Promise<Uint8Array | undefined> {
  try {
    return await fetchCheckpoint(copy)
  } catch (error) {
    if (error instanceof ClientError && error.code === 'not_found') return undefined
    throw error
  }
}
