// From a plan to hashes: which nodes to fetch, and how to fold them (RFC 6962 §2.1).
import { EMPTY_ROOT, type Hash, hashNode } from './hash.ts'
import { type NodeId, type Range, rangeNodes } from './tree.ts'

/** The nodes that the hashes of a plan are folded from, each once. @throws ProofError `proof_out_of_range` */
export function nodesOfPlan(plan: readonly Range[]): NodeId[] {
  const nodes = new Map<string, NodeId>()
  for (const node of plan.flatMap(rangeNodes)) nodes.set(`${node.level}/${node.index}`, node)
  return [...nodes.values()]
}

/** The hashes of a plan, in its order. @throws ProofError `proof_out_of_range`, and whatever `hashOf` throws */
export function foldPlan(plan: readonly Range[], hashOf: (node: NodeId) => Hash): Hash[] {
  return plan.map((range) => foldRange(range, hashOf))
}

/** The hash of a subtree, {@link EMPTY_ROOT} if it is empty. @throws ProofError `proof_out_of_range`, and whatever `hashOf` throws */
export function foldRange(range: Range, hashOf: (node: NodeId) => Hash): Hash {
  return foldHashes(rangeNodes(range).map(hashOf))
}

/** The hash of the tree whose perfect subtrees, each smaller than the one before, have these hashes. */
export function foldHashes(hashes: readonly Hash[]): Hash {
  if (hashes.length === 0) return EMPTY_ROOT
  return hashes.reduceRight((right, left) => hashNode(left, right))
}
