// Which hashes a proof consists of (RFC 6962 §2.1; draft-ietf-plants-merkle-tree-certs §4), without hashing anything:
// plans are made of leaf ranges, the caller fetches, proof.ts folds. Sizes reach 2^53-1, so powers are found by doubling.
import { ProofError } from './errors.ts'

/** Leaves `start` to `end`, exclusive. */
export type Range = { readonly start: number; readonly end: number }

/** The perfect subtree of leaves `index * 2**level` to `(index + 1) * 2**level`, exclusive. */
export type NodeId = { readonly level: number; readonly index: number }

/** Where a tree of `size` >= 2 leaves splits: the largest power of two below `size` (RFC 6962 §2.1). */
export function splitPoint(size: number): number {
  return powerFrom(size) / 2
}

/**
 * Whether a leaf range has a hash of its own: `start` is a multiple of the smallest power of two not below its length
 * (draft §4.1). Empty ranges are subtrees.
 */
export function isSubtree({ start, end }: Range): boolean {
  return (
    Number.isSafeInteger(start) &&
    Number.isSafeInteger(end) &&
    0 <= start &&
    start <= end &&
    start % powerFrom(end - start) === 0
  )
}

/**
 * The perfect subtrees that make up a subtree, left to right: each smaller than the one before.
 * @throws ProofError `proof_out_of_range` when the range is not a subtree
 */
export function rangeNodes(range: Range): NodeId[] {
  checkSubtreeRange(range)
  let start = range.start
  let level = levelFrom(range.end - start)
  // What a proof mostly consists of. A list that grows takes 150 bytes: 3 kB a proof.
  const whole = POWERS[level]
  if (whole === range.end - start) return [{ level, index: start / whole }]
  const nodes: NodeId[] = []
  for (; start < range.end; level--) {
    const width = POWERS[level] ?? Number.POSITIVE_INFINITY
    if (start + width > range.end) continue
    nodes.push({ level, index: start / width })
    start += width
  }
  return nodes
}

/**
 * Inclusion proof of leaf `index` in the tree of `size` (RFC 6962 §2.1.1), as the range behind each hash, in proof order.
 * @throws ProofError `proof_out_of_range` unless 0 <= index < size
 */
export function planInclusion(index: number, size: number): Range[] {
  return planSubtree(index, index + 1, size)
}

/**
 * Consistency proof between the trees of `from` and `to` leaves (RFC 6962 §2.1.2), as the range behind each hash, in proof
 * order. Empty for `from` = 0, which RFC 6962 leaves undefined and every tree continues, and for `from` = `to`.
 * @throws ProofError `proof_out_of_range` unless 0 <= from <= to
 */
export function planConsistency(from: number, to: number): Range[] {
  return planSubtree(0, from, to)
}

/**
 * Consistency proof of the subtree [start, end) with the tree of `size` (draft §4.4.1), as the range behind each hash, in
 * proof order. Empty for an empty subtree. Inclusion is the case of one leaf, RFC 6962 consistency that of start = 0.
 * @throws ProofError `proof_out_of_range` unless [start, end) is a subtree and end <= size
 */
export function planSubtree(start: number, end: number, size: number): Range[] {
  checkSubtreeRange({ start, end })
  if (!Number.isSafeInteger(size) || end > size)
    throw outOfRange(`There is no proof of leaves ${start} to ${end} in a tree of size ${size}.`)
  const plan: Range[] = []
  if (start === end) return plan
  let target = start
  let lo = 0
  let hi = size
  while (lo !== target || hi !== end) {
    const middle = lo + splitPoint(hi - lo)
    if (end <= middle) {
      plan.push({ start: middle, end: hi })
      hi = middle
    } else {
      // Whether the target lies right of the middle or straddles it, the left half is one hash; straddling, it is also the
      // left half of the target, whose remainder the verifier has to be given.
      plan.push({ start: lo, end: middle })
      lo = middle
      target = Math.max(target, middle)
    }
  }
  if (target !== start) plan.push({ start: target, end })
  return plan.reverse()
}

/**
 * At most two adjacent subtrees that cover an interval, the second ending where it ends and the first starting less than its
 * own half before it (draft §4.5). The second is empty for intervals of at most one leaf.
 * @throws ProofError `proof_out_of_range` unless 0 <= start <= end
 */
export function coverInterval({ start, end }: Range): [Range, Range] {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start > end) {
    throw outOfRange(`${start} to ${end} is not an interval of leaves.`)
  }
  if (end - start <= 1)
    return [
      { start, end },
      { start: end, end },
    ]
  // The middle is where the smallest perfect subtree that holds both ends splits.
  let half = 1
  while (Math.floor(start / (2 * half)) !== Math.floor((end - 1) / (2 * half))) half *= 2
  const middle = Math.floor((end - 1) / half) * half
  return [
    { start: middle - powerFrom(middle - start), end: middle },
    { start: middle, end },
  ]
}

/** The smallest power of two that is at least `n`. */
function powerFrom(n: number): number {
  return POWERS[levelFrom(n)] ?? Number.POSITIVE_INFINITY
}

// Looked up, because 2 ** level takes longer than all the rest of planning a proof.
const POWERS = Array.from({ length: 65 }, (_, level) => 2 ** level)

/** The smallest l with 2^l >= `n`, exact up to 2^53; a loop here was a tenth of the time of a proof. */
function levelFrom(n: number): number {
  const below = Math.max(0, n - 1)
  return below < 2 ** 32 ? 32 - Math.clz32(below) : 64 - Math.clz32(Math.floor(below / 2 ** 32))
}

function checkSubtreeRange(range: Range): void {
  if (!isSubtree(range)) {
    throw outOfRange(
      `Leaves ${range.start} to ${range.end} are not a subtree: the start must be a multiple of the length, rounded up to a power of two.`,
    )
  }
}

function outOfRange(message: string): ProofError {
  return new ProofError('proof_out_of_range', message)
}
