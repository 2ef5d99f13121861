// Who is right when stored layers of one tile disagree: the layer that leads to what the tree above says. Above stand the
// signatures, which nobody can make fit.
import type { Hash } from '../core/hash.ts'
import { foldTile, same } from './fold-tile.ts'

export interface Settled {
  /** The 256 hashes, concatenated, that the tile must have. */
  readonly truth: Uint8Array
  /** The hash of its subtree. */
  readonly node: Hash
}

/**
 * @param layers the 256 hashes of the tile as each of several places has them, the most trusted first; at least one
 * @param targets the hash of its subtree as places above have it, the most trusted first
 */
export function settle(layers: readonly Uint8Array[], targets: readonly (Hash | undefined)[]): Settled {
  const folded = layers.map((truth) => ({ truth, node: foldTile(truth) }))
  for (const target of targets) {
    const fits = folded.find(({ node }) => target !== undefined && same(node, target))
    if (fits !== undefined) return fits
  }
  // Nothing leads there: what two layers agree on is right, and what stands above it is wrong.
  const agreed = folded.find(({ truth }, i) => layers.some((other, j) => i !== j && same(truth, other)))
  const [first] = folded
  const chosen = agreed ?? first
  if (chosen === undefined) throw new RangeError('there is no layer to choose from')
  return chosen
}
