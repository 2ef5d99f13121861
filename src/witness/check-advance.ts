// Rows 6 to 9 of add-checkpoint (https://c2sp.org/tlog-witness): whether a signed checkpoint continues what was seen last.
import { equalBytes } from '../core/bytes.ts'
import type { Checkpoint } from '../core/checkpoint.ts'
import { ProofError } from '../core/errors.ts'
import { EMPTY_ROOT, type Hash } from '../core/hash.ts'
import { checkConsistency } from '../core/verify.ts'
import { Refusal, SizeConflict } from './refusal.ts'

/** A tree head; of an origin that was never seen, size 0 and the root of the empty tree. */
export interface SeenHead {
  readonly size: number
  readonly root: Hash
}

export const NOTHING_SEEN: SeenHead = { size: 0, root: EMPTY_ROOT }

/**
 * Checks that `next` continues `seen`, as the request with this old size and proof says. In the order of the protocol.
 * @throws Refusal `malformed` for an old size beyond the checkpoint, `inconsistent`; SizeConflict when `seen` has another size
 */
export function checkAdvance(
  seen: SeenHead,
  next: Checkpoint,
  { oldSize, proof }: { readonly oldSize: number; readonly proof: readonly Hash[] },
): void {
  if (oldSize > next.size)
    throw new Refusal('malformed', `The old size ${oldSize} is beyond the checkpoint's ${next.size}.`)
  if (next.size === 0 && !equalBytes(next.root, EMPTY_ROOT))
    throw new Refusal('inconsistent', 'The root of size 0 is not that of the empty tree.')
  if (oldSize !== seen.size) throw new SizeConflict(seen.size)
  if (oldSize === 0) {
    if (proof.length > 0) throw new Refusal('inconsistent', 'Nothing is proved from size 0: send no hashes.')
    return
  }
  try {
    checkConsistency(oldSize, next.size, seen.root, next.root, proof)
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause
    throw new Refusal('inconsistent', `The consistency proof does not hold: ${cause.message}`, {}, { cause })
  }
}
