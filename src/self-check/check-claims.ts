// Every root that somebody claimed for a size, against the root of the stored tree: log.heads, log.tree_heads, the signed
// checkpoints, the guard. What is signed is right; the others are compared with it.
import type { Hash } from '../core/hash.ts'
import { type Collector, shown } from './finding.ts'
import { same } from './fold-tile.ts'

export interface Claim {
  readonly size: number
  readonly root: Hash
  readonly by: 'head' | 'tree_head' | 'checkpoint' | 'guard'
  /** Of the checkpoint. */
  readonly seq?: number
}

/** What a pass remembers between ranges. */
export interface Trail {
  /** Greatest size whose signed root the tree has. */
  agreed: number
  /** The tree differs from something signed: all that follows does too, for the same reason. */
  broken: boolean
}

export interface ClaimsOfRange {
  /** In order of size. */
  readonly claims: readonly Claim[]
  readonly rootAt: (size: number) => Hash | undefined
  /** Something in this range is wrong already: that the roots differ says nothing new. */
  readonly explained: boolean
}

export function checkClaims(
  { claims, rootAt, explained }: ClaimsOfRange,
  trail: Trail,
  found: Collector,
): void {
  for (let at = 0; at < claims.length;) {
    const size = claims[at]?.size ?? 0
    let end = at
    while (claims[end]?.size === size) end++
    checkSize(size, claims.slice(at, end), rootAt(size), explained, trail, found)
    at = end
  }
}

function checkSize(
  size: number,
  claims: readonly Claim[],
  derived: Hash | undefined,
  explained: boolean,
  trail: Trail,
  found: Collector,
): void {
  const signed = claims.find(({ by }) => by === 'checkpoint') ?? claims.find(({ by }) => by === 'guard')
  const intended = claims.find(({ by }) => by === 'tree_head')
  const published = claims.find(({ by }) => by === 'checkpoint')
  if (published !== undefined && intended === undefined) {
    const expected = `root ${shown(published.root)}, of checkpoint ${published.seq}`
    found.add({ table: 'tree_heads', size, column: 'row', expected, found: 'none' })
  }
  if (signed !== undefined && derived !== undefined) {
    if (same(signed.root, derived)) trail.agreed = Math.max(trail.agreed, size)
    else reportRewritten(signed, derived, explained, trail, found)
  }
  const right = signed?.root ?? derived
  if (right === undefined) return
  for (const claim of claims) {
    if (same(claim.root, right)) continue
    // The tree itself was changed, and this one along with it.
    if (derived !== undefined && same(claim.root, derived)) continue
    // Without a signature for this size, nothing says whether the claim is wrong or the tree.
    if (signed === undefined && claim.by === 'head' && (explained || trail.broken)) continue
    reportClaim(claim, right, found)
  }
}

/** The tree agrees with itself but not with what was signed: some entry from `agreed` on is not the one that was there. */
function reportRewritten(
  signed: Claim,
  derived: Hash,
  explained: boolean,
  trail: Trail,
  found: Collector,
): void {
  if (trail.broken || explained) return
  trail.broken = true
  const by = signed.seq === undefined ? 'the guard' : `checkpoint ${signed.seq}`
  found.add({
    table: 'entries',
    index: trail.agreed,
    count: Math.max(1, signed.size - trail.agreed),
    column: 'history',
    expected: `root ${shown(signed.root)} at size ${signed.size}, signed in ${by}`,
    found: shown(derived),
  })
}

function reportClaim({ by, size, root, seq }: Claim, right: Hash, found: Collector): void {
  const values = { column: 'root', expected: shown(right), found: shown(root) }
  if (by === 'head') found.add({ table: 'heads', size, ...values })
  else if (by === 'tree_head') found.add({ table: 'tree_heads', size, ...values })
  else if (by === 'guard') found.add({ table: 'guard', size, ...values })
  else found.add({ table: 'checkpoints', size, ...(seq === undefined ? {} : { seq }), ...values })
}
