// What a copy is measured against: the newest signed checkpoint of its source, and the tiles that prove anything under it.
import { fetchCheckpoint } from './client/connect.ts'
import { hashesOfPlan, type Tiles, tilesOver } from './client/tiles.ts'
import type { Transport } from './client/transport.ts'
import { CopyError } from './copy-error.ts'
import { decodeUtf8, equalBytes } from './core/bytes.ts'
import { type CheckedCheckpoint, checkPolicy } from './core/check-policy.ts'
import { ProoflogError } from './core/errors.ts'
import type { Policy } from './core/policy.ts'
import { planConsistency } from './core/tree.ts'
import { checkConsistency } from './core/verify.ts'
import type { Head } from './log/types.ts'

export interface SourceHead {
  readonly checked: CheckedCheckpoint
  /** The signed note. */
  readonly note: Uint8Array
  readonly tiles: Tiles
}

/** @throws errors of checkPolicy; ClientError */
export async function readSourceHead(source: Transport, policy: Policy): Promise<SourceHead> {
  const note = await fetchCheckpoint(source)
  return { checked: checkPolicy(note, policy), note, tiles: tilesOver(source) }
}

/**
 * Checks that the source's tree is `older` or extends it.
 * @param what `older` is, for the message
 * @throws CopyError `copy_behind` when it is smaller, `copy_differs` when it is another tree; ClientError, EvidenceError
 */
export async function checkExtends(
  { checked, note, tiles }: SourceHead,
  older: Head & { readonly note?: Uint8Array },
  what: string,
): Promise<void> {
  const { size, root } = checked.checkpoint
  const notes =
    older.note === undefined ? {} : { remembered: decodeUtf8(older.note), offered: decodeUtf8(note) }
  if (size < older.size) {
    const message = `the copy has ${size} entries, but ${what} has ${older.size}: it is too old; find a newer copy`
    throw new CopyError('copy_behind', message, notes)
  }
  const differs = (cause?: unknown): CopyError =>
    new CopyError(
      'copy_differs',
      `the copy of size ${size} does not continue ${what} of size ${older.size}: one of them is another history; keep both`,
      notes,
      { cause },
    )
  if (size === older.size && !equalBytes(root, older.root)) throw differs()
  if (size === older.size || older.size === 0) return
  const proof = await hashesOfPlan(tiles, planConsistency(older.size, size), size)
  try {
    checkConsistency(older.size, size, older.root, root, proof)
  } catch (cause) {
    if (cause instanceof ProoflogError) throw differs(cause)
    throw cause
  }
}
