// Checks proofs: RFC 9162 §2.1.3.2 and §2.1.4.2, as the one algorithm of draft-ietf-plants-merkle-tree-certs §4.4.3 that
// contains both. It walks positions upwards and shares nothing with the planner in tree.ts, so that neither can hide the
// other's mistake.
import { equalBytes, toHex } from './bytes.ts'
import { ProofError } from './errors.ts'
import { asHash, EMPTY_ROOT, type Hash, hashNode } from './hash.ts'
import { isSubtree } from './tree.ts'

/**
 * The root of the tree of `size` leaves in which the proof places `leafHash` at `index`.
 * @throws ProofError `proof_out_of_range` unless 0 <= index < size, `proof_wrong_length`, `proof_bad_hash`
 */
export function rootFromInclusion(index: number, size: number, leafHash: Hash, proof: readonly Hash[]): Hash {
  checkBounds(index, index + 1, size)
  return climb(index, index + 1, size, leafHash, proof).root
}

/**
 * Checks that `leafHash` is leaf `index` of the tree of `size` leaves with this root.
 * @throws ProofError `proof_out_of_range` unless 0 <= index < size, `proof_wrong_length`, `proof_bad_hash`, `proof_root_mismatch`
 */
export function checkInclusion(
  index: number,
  size: number,
  leafHash: Hash,
  proof: readonly Hash[],
  root: Hash,
): void {
  matchRoots('root', asHash(root), rootFromInclusion(index, size, leafHash, proof))
}

/**
 * Checks that the tree of `to` leaves continues the tree of `from` leaves. Equal sizes need an empty proof and equal roots.
 * An empty tree has no consistency proof: protocols that start from size 0 say themselves what that means.
 * @throws ProofError `proof_out_of_range` unless 0 < from <= to, `proof_wrong_length`, `proof_bad_hash`, `proof_root_mismatch`
 */
export function checkConsistency(
  from: number,
  to: number,
  fromRoot: Hash,
  toRoot: Hash,
  proof: readonly Hash[],
): void {
  if (from === 0)
    throw new ProofError('proof_out_of_range', 'Consistency with an empty tree cannot be proved.', {
      from,
      to,
    })
  checkSubtree(0, from, to, fromRoot, proof, toRoot)
}

/**
 * Checks that the subtree [start, end) with `subtreeRoot` is part of the tree of `size` leaves with `root`. An empty subtree
 * needs an empty proof and {@link EMPTY_ROOT}, and says nothing about `root`.
 * @throws ProofError `proof_out_of_range` unless it is a subtree and end <= size, `proof_wrong_length`, `proof_bad_hash`,
 * `proof_root_mismatch`
 */
export function checkSubtree(
  start: number,
  end: number,
  size: number,
  subtreeRoot: Hash,
  proof: readonly Hash[],
  root: Hash,
): void {
  checkBounds(start, end, size)
  asHash(subtreeRoot)
  asHash(root)
  if (start === end) {
    if (proof.length > 0) throw wrongLength('more', proof.length)
    matchRoots('subtree root', subtreeRoot, EMPTY_ROOT)
    return
  }
  const computed = climb(start, end, size, subtreeRoot, proof)
  matchRoots('subtree root', subtreeRoot, computed.subtreeRoot)
  matchRoots('root', root, computed.root)
}

/**
 * Computes both roots from a proof. `first`, `last` and `top` are the positions, at the level reached so far, of the first
 * leaf of the subtree, its last, and the last of the tree.
 */
function climb(
  start: number,
  end: number,
  size: number,
  known: Hash,
  proof: readonly Hash[],
): { subtreeRoot: Hash; root: Hash } {
  let first = start
  let last = end - 1
  let top = size - 1
  const up = (): void => {
    first = Math.floor(first / 2)
    last = Math.floor(last / 2)
    top = Math.floor(top / 2)
  }
  // The proof starts at the largest perfect subtree, seen from the right end of the subtree, that both trees share.
  while (first !== last && (last === top || last % 2 === 1)) up()

  const whole = first === last
  const seed = whole ? known : proof[0]
  if (seed === undefined) throw wrongLength('fewer', proof.length)
  let subtreeRoot = asHash(seed)
  let root = subtreeRoot
  for (const hash of whole ? proof : proof.slice(1)) {
    if (top === 0) throw wrongLength('more', proof.length)
    if (last % 2 === 1 || last === top) {
      if (first < last) subtreeRoot = hashNode(hash, subtreeRoot)
      root = hashNode(hash, root)
      while (last % 2 === 0) up()
    } else {
      root = hashNode(root, hash)
    }
    up()
  }
  if (top !== 0) throw wrongLength('fewer', proof.length)
  return { subtreeRoot, root }
}

function checkBounds(start: number, end: number, size: number): void {
  if (isSubtree({ start, end }) && Number.isSafeInteger(size) && end <= size) return
  throw new ProofError(
    'proof_out_of_range',
    `There is no proof of leaves ${start} to ${end} in a tree of size ${size}: they must be a subtree and end within it.`,
    { start, end, size },
  )
}

function matchRoots(what: string, expected: Hash, computed: Hash): void {
  if (equalBytes(expected, computed)) return
  throw new ProofError(
    'proof_root_mismatch',
    `The proof does not lead to the expected ${what}: what it claims is not so.`,
    {
      expected: toHex(expected),
      computed: toHex(computed),
    },
  )
}

function wrongLength(than: 'more' | 'fewer', length: number): ProofError {
  return new ProofError(
    'proof_wrong_length',
    `The proof holds ${than} hashes (${length}) than these sizes ask for.`,
    { length },
  )
}
