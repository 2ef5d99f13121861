// Two signed heads of one log: does the larger continue the smaller? The answer is proven either way, so that an accusation
// holds for those who cannot ask the log any more.
import { EvidenceError } from '../client/errors.ts'
import { hashesOfPlan, type Tiles } from '../client/tiles.ts'
import { equalBytes } from '../core/bytes.ts'
import { type Checkpoint } from '../core/checkpoint.ts'
import { ProofError } from '../core/errors.ts'
import type { Hash } from '../core/hash.ts'
import { planConsistency } from '../core/tree.ts'
import { checkConsistency } from '../core/verify.ts'
import type { Divergence } from './violation.ts'

/**
 * How `larger` differs from a tree that continues `smaller`; undefined when it continues it.
 * @param tiles of the larger tree; for equal sizes none is asked for
 * @throws EvidenceError `tile_missing`, and `tile_differs` when the tiles prove neither; ClientError
 */
export async function divergenceOf(
  smaller: Checkpoint,
  larger: Checkpoint,
  tiles: Tiles,
): Promise<Divergence | undefined> {
  if (smaller.size === larger.size) {
    return equalBytes(smaller.root, larger.root) ? undefined : { root: larger.root, proof: [] }
  }
  if (smaller.size === 0) return undefined // every tree continues the empty one
  const proof = await hashesOfPlan(tiles, planConsistency(smaller.size, larger.size), larger.size)
  const refusal = refusalOf(smaller, larger, smaller.root, proof)
  if (refusal === undefined) return undefined
  // Either the tiles are of another tree than was signed, or the signed tree has another beginning: then this is proven by
  // the same hashes, with the beginning that it has. (Not by the partial tiles of the smaller size, which it need not have.)
  const [root] = await hashesOfPlan(tiles, [{ start: 0, end: smaller.size }], larger.size)
  if (root && !equalBytes(root, smaller.root) && refusalOf(smaller, larger, root, proof) === undefined) {
    return { root, proof }
  }
  const message = `the tiles at size ${larger.size} do not lead to the root of the checkpoint, so whether it continues size ${smaller.size} cannot be told`
  throw new EvidenceError('tile_differs', message, {}, { cause: refusal })
}

/** @throws ProofError unless the divergence proves that neither tree continues the other */
export function checkDivergence(smaller: Checkpoint, larger: Checkpoint, { root, proof }: Divergence): void {
  if (equalBytes(root, smaller.root)) {
    throw new ProofError(
      'proof_root_mismatch',
      `Both trees have the same root at size ${smaller.size}: this is no fork.`,
    )
  }
  checkConsistency(smaller.size, larger.size, root, larger.root, proof)
}

function refusalOf(
  { size: from }: Checkpoint,
  { size: to, root: toRoot }: Checkpoint,
  fromRoot: Hash,
  proof: readonly Hash[],
): ProofError | undefined {
  try {
    checkConsistency(from, to, fromRoot, toRoot, proof)
    return undefined
  } catch (error) {
    if (error instanceof ProofError) return error
    throw error
  }
}
