import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../src/core/bytes.ts'
import { ProofError } from '../../src/core/errors.ts'
import { EMPTY_ROOT, type Hash } from '../../src/core/hash.ts'
import { foldHashes, foldPlan, foldRange, nodesOfPlan } from '../../src/core/proof.ts'
import { planConsistency, planInclusion, planSubtree } from '../../src/core/tree.ts'
import { checkConsistency, checkInclusion, checkSubtree, rootFromInclusion } from '../../src/core/verify.ts'
import { hugeSize, subtreeOf, treeSize, upTo } from '../support/arbitraries.ts'
import { codeOf } from '../support/note-vectors.ts'
import { numberedLeaf, referenceTree, sparseTree } from '../support/reference-tree.ts'

const MAX = Number.MAX_SAFE_INTEGER
const reference = referenceTree(numberedLeaf)

/** Hash of any node of the reference tree. */
function hashOf({ level, index }: { level: number; index: number }): Hash {
  return reference.root(index * 2 ** level, (index + 1) * 2 ** level)
}

describe('against RFC 6962 written down recursively', () => {
  const inclusionCase = treeSize(66_000).chain((size) => fc.tuple(upTo(size - 1), fc.constant(size)))
  const consistencyCase = treeSize(66_000).chain((to) => fc.tuple(treeSize(to), fc.constant(to)))
  const subtreeCase = treeSize(66_000).chain((size) => fc.tuple(subtreeOf(size), fc.constant(size)))

  test('inclusion proofs are the same hashes and verify', () => {
    fc.assert(
      fc.property(inclusionCase, ([index, size]) => {
        const proof = foldPlan(planInclusion(index, size), hashOf)
        expect(proof).toEqual(reference.inclusion(index, size))
        checkInclusion(index, size, numberedLeaf(index), proof, reference.root(0, size))
      }),
    )
  })

  test('consistency proofs are the same hashes and verify', () => {
    fc.assert(
      fc.property(consistencyCase, ([from, to]) => {
        const proof = foldPlan(planConsistency(from, to), hashOf)
        expect(proof).toEqual(reference.consistency(from, to))
        checkConsistency(from, to, reference.root(0, from), reference.root(0, to), proof)
      }),
    )
  })

  test('subtree proofs are the same hashes and verify', () => {
    fc.assert(
      fc.property(subtreeCase, ([{ start, end }, size]) => {
        const proof = foldPlan(planSubtree(start, end, size), hashOf)
        expect(proof).toEqual(reference.subtree(start, end, size))
        checkSubtree(start, end, size, reference.root(start, end), proof, reference.root(0, size))
      }),
    )
  })

  test('no proof survives a changed bit, a hash more or less, or swapped neighbours', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.nat({ max: 255 }),
      fc.constantFrom('bit', 'drop', 'repeat', 'swap', 'append'),
    )
    fc.assert(
      fc.property(subtreeCase, change, ([{ start, end }, size], [at, bit, how]) => {
        const proof = foldPlan(planSubtree(start, end, size), hashOf)
        const changed = tamper(proof, proof.length === 0 ? 0 : at % proof.length, bit, how)
        fc.pre(changed !== undefined)
        const run = (): void =>
          checkSubtree(start, end, size, reference.root(start, end), changed, reference.root(0, size))
        expect(codeOf(run)).toMatch(/^proof_(root_mismatch|wrong_length)$/)
      }),
    )
  })

  test('no inclusion proof holds for another leaf, index or root', () => {
    fc.assert(
      fc.property(inclusionCase, fc.integer({ min: -3, max: 3 }), ([index, size], offset) => {
        fc.pre(offset !== 0)
        const proof = foldPlan(planInclusion(index, size), hashOf)
        const root = reference.root(0, size)
        expect(codeOf(() => checkInclusion(index + offset, size, numberedLeaf(index), proof, root))).toMatch(
          /^proof_/,
        )
        expect(codeOf(() => checkInclusion(index, size, numberedLeaf(index + offset), proof, root))).toBe(
          'proof_root_mismatch',
        )
        expect(codeOf(() => checkInclusion(index, size, numberedLeaf(index), proof, EMPTY_ROOT))).toBe(
          'proof_root_mismatch',
        )
      }),
    )
  })

  test('no consistency proof holds for another old or new root', () => {
    fc.assert(
      fc.property(consistencyCase, ([from, to]) => {
        const proof = foldPlan(planConsistency(from, to), hashOf)
        const [old, now] = [reference.root(0, from), reference.root(0, to)]
        expect(codeOf(() => checkConsistency(from, to, EMPTY_ROOT, now, proof))).toBe('proof_root_mismatch')
        expect(codeOf(() => checkConsistency(from, to, old, EMPTY_ROOT, proof))).toBe('proof_root_mismatch')
      }),
    )
  })
})

describe('trees too large to build', () => {
  test('inclusion and consistency verify up to 2^53-1, and for no other index', () => {
    const cases = hugeSize().chain((size) => fc.tuple(upTo(size - 1), fc.constant(size)))
    fc.assert(
      fc.property(cases, ([index, size]) => {
        const marked = sparseTree([index, size - 1])
        const proof = foldPlan(planInclusion(index, size), marked)
        const root = foldRange({ start: 0, end: size }, marked)
        checkInclusion(index, size, numberedLeaf(index), proof, root)
        const other = index === 0 ? size - 1 : index - 1
        expect(codeOf(() => checkInclusion(other, size, numberedLeaf(index), proof, root))).toMatch(/^proof_/)

        const from = index + 1
        const oldRoot = foldRange({ start: 0, end: from }, marked)
        checkConsistency(from, size, oldRoot, root, foldPlan(planConsistency(from, size), marked))
      }),
      { numRuns: 60 },
    )
  })

  test('subtree proofs verify up to 2^53-1', () => {
    const cases = hugeSize().chain((size) => fc.tuple(subtreeOf(size), fc.constant(size)))
    fc.assert(
      fc.property(cases, ([range, size]) => {
        const marked = sparseTree([range.start, range.end - 1, size - 1])
        const proof = foldPlan(planSubtree(range.start, range.end, size), marked)
        const root = foldRange({ start: 0, end: size }, marked)
        const run = (): void =>
          checkSubtree(range.start, range.end, size, foldRange(range, marked), proof, root)
        expect(codeOf(run)).toBeUndefined()
      }),
      { numRuns: 60 },
    )
  })
})

describe('what is refused', () => {
  const hash = numberedLeaf(1)

  test('positions outside the tree', () => {
    for (const [index, size] of [
      [0, 0],
      [1, 1],
      [5, 4],
      [-1, 4],
      [0.5, 4],
      [Number.NaN, 4],
      [0, 2 ** 53],
      [MAX, MAX],
    ] as const) {
      expect(codeOf(() => rootFromInclusion(index, size, hash, []))).toBe('proof_out_of_range')
    }
    for (const [from, to] of [
      [0, 0],
      [0, 5],
      [6, 5],
      [-1, 5],
      [1, Number.NaN],
    ] as const) {
      expect(codeOf(() => checkConsistency(from, to, hash, hash, []))).toBe('proof_out_of_range')
    }
    expect(codeOf(() => checkSubtree(1, 3, 8, hash, [], hash))).toBe('proof_out_of_range')
    expect(codeOf(() => checkSubtree(4, 8, 7, hash, [], hash))).toBe('proof_out_of_range')
  })

  test('what is not 32 bytes, wherever it stands', () => {
    const short = hash.subarray(1)
    expect(codeOf(() => checkInclusion(0, 1, short, [], hash))).toBe('proof_bad_hash')
    expect(codeOf(() => checkInclusion(0, 1, hash, [], short))).toBe('proof_bad_hash')
    expect(codeOf(() => checkInclusion(0, 2, hash, [short], hash))).toBe('proof_bad_hash')
    expect(codeOf(() => checkConsistency(1, 1, short, short, []))).toBe('proof_bad_hash')
    expect(codeOf(() => checkConsistency(3, 4, hash, hash, [short, hash, hash]))).toBe('proof_bad_hash')
    expect(codeOf(() => checkSubtree(0, 2, 2, hash, [], short))).toBe('proof_bad_hash')
  })

  test('a proof of a hundred thousand hashes', () => {
    const endless = Array.from({ length: 100_000 }, () => hash)
    expect(codeOf(() => checkInclusion(0, 2, hash, endless, hash))).toBe('proof_wrong_length')
    expect(codeOf(() => checkConsistency(3, 4, hash, hash, endless))).toBe('proof_wrong_length')
  })

  test('an empty subtree with a root of its own or a proof', () => {
    checkSubtree(3, 3, 8, EMPTY_ROOT, [], hash)
    expect(codeOf(() => checkSubtree(3, 3, 8, hash, [], hash))).toBe('proof_root_mismatch')
    expect(codeOf(() => checkSubtree(3, 3, 8, EMPTY_ROOT, [hash], hash))).toBe('proof_wrong_length')
  })

  test('a mismatch says both roots', () => {
    const run = (): void => checkInclusion(0, 1, hash, [], EMPTY_ROOT)
    expect(run).toThrow(ProofError)
    expect(run).toThrow(
      expect.objectContaining({ evidence: { expected: toHex(EMPTY_ROOT), computed: toHex(hash) } }),
    )
  })
})

describe('folding', () => {
  test('nodes to fetch are named once, even where plans overlap', () => {
    const plan = [
      { start: 0, end: 3 },
      { start: 2, end: 3 },
      { start: 0, end: 2 },
    ]
    expect(nodesOfPlan(plan)).toEqual([
      { level: 1, index: 0 },
      { level: 0, index: 2 },
    ])
    expect(nodesOfPlan([])).toEqual([])
  })

  test('no leaves are the empty root', () => {
    expect(foldHashes([])).toEqual(EMPTY_ROOT)
    expect(foldRange({ start: 9, end: 9 }, hashOf)).toEqual(EMPTY_ROOT)
  })
})

function tamper(proof: readonly Hash[], at: number, bit: number, how: string): Hash[] | undefined {
  const here = proof[at]
  if (how === 'append') return [...proof, numberedLeaf(0)]
  if (!here) return undefined
  if (how === 'drop') return proof.toSpliced(at, 1)
  if (how === 'repeat') return proof.toSpliced(at, 0, here)
  if (how === 'bit')
    return proof.with(at, here.with(Math.floor(bit / 8), here[Math.floor(bit / 8)]! ^ (2 ** (bit % 8))))
  const next = proof[at + 1]
  return next && proof.toSpliced(at, 2, next, here)
}
