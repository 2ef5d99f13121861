import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromBase64, fromHex, toHex } from '../../src/core/bytes.ts'
import { ProofError } from '../../src/core/errors.ts'
import { EMPTY_ROOT, hashLeaf, type Hash } from '../../src/core/hash.ts'
import { foldHashes, foldPlan, foldRange, nodesOfPlan } from '../../src/core/proof.ts'
import { coverInterval, isSubtree, planConsistency, planInclusion, planSubtree } from '../../src/core/tree.ts'
import { checkConsistency, checkInclusion, checkSubtree, rootFromInclusion } from '../../src/core/verify.ts'
import { hugeSize, subtreeOf, treeSize, upTo } from '../support/arbitraries.ts'
import { codeOf, readVectors } from '../support/note-vectors.ts'
import { numberedLeaf, referenceTree, sparseTree } from '../support/reference-tree.ts'

const MAX = Number.MAX_SAFE_INTEGER
const reference = referenceTree(numberedLeaf)

/** Hash of any node of the reference tree. */
function hashOf({ level, index }: { level: number; index: number }): Hash {
  return reference.root(index * 2 ** level, (index + 1) * 2 ** level)
}

type Cell = string | number | boolean | null | (number | null)[]
type Probes = { columns: string[]; hashes: string[]; rows: Cell[][] }

type Probe = {
  readonly name: string
  readonly wantErr: boolean
  readonly number: (column: string) => number
  readonly hash: (column: string) => Hash
  readonly proof: Hash[]
}

// Accepted by their authors although a root is no hash but twelve bytes of text: refused here, because only 32 bytes are one.
const ROOT_IS_NO_HASH = new Set([
  'consistency/additional/sizes-are-equal-one-and-proof-is-empty',
  'subtreeconsistency/additional/sizes-are-equal-one-and-proof-is-empty',
  'subtreeconsistency/additional/subtree-is-empty-sizes-are-equal-one-subtree-root-valid-tree-root-random-proof-is-empty',
  'subtreeconsistency/additional/subtree-is-empty-sizes-are-equal-zero-subtree-root-valid-tree-root-random-proof-is-empty',
])

/** The probes of a family, hashes decoded and named by column. */
function probes(family: string): Probe[] {
  const { columns, hashes, rows } = readVectors<Probes>(`merkle-probes-${family}.json`)
  const decode = (at: Cell | undefined): Hash => fromBase64(typeof at === 'number' ? hashes[at]! : '')
  return rows.map((row) => {
    const cell = (column: string): Cell | undefined => row[columns.indexOf(column)]
    const proof = cell('proof')
    return {
      name: String(cell('name')),
      wantErr: cell('wantErr') === true || ROOT_IS_NO_HASH.has(`${family}/${String(cell('name'))}`),
      number: (column) => Number(cell(column)),
      hash: (column) => decode(cell(column)),
      proof: Array.isArray(proof) ? proof.map(decode) : [],
    }
  })
}

describe('probes of transparency-dev/merkle', () => {
  const inclusion = probes('inclusion')
  const consistency = probes('consistency')
  const subtreeInclusion = probes('subtreeinclusion')
  const subtreeConsistency = probes('subtreeconsistency')

  test('are all here, of both kinds', () => {
    const families = [inclusion, consistency, subtreeInclusion, subtreeConsistency]
    expect(families.map((family) => family.length)).toEqual([98, 98, 204, 118])
    for (const family of families) {
      const refused = family.filter((probe) => probe.wantErr).length
      expect(refused).toBeGreaterThan(0)
      expect(refused).toBeLessThan(family.length)
    }
  })

  test.each(inclusion)('inclusion/$name', ({ number, hash, proof, wantErr }) => {
    const run = (): void =>
      checkInclusion(number('leafIdx'), number('treeSize'), hash('leafHash'), proof, hash('root'))
    expect(codeOf(run) !== undefined).toBe(wantErr)
  })

  test.each(consistency)('consistency/$name', ({ number, hash, proof, wantErr }) => {
    const run = (): void =>
      checkConsistency(number('size1'), number('size2'), hash('root1'), hash('root2'), proof)
    expect(codeOf(run) !== undefined).toBe(wantErr)
  })

  test.each(subtreeInclusion)('subtreeinclusion/$name', ({ number, hash, proof, wantErr }) => {
    const [start, end, index] = [number('start'), number('end'), number('leafIdx')]
    // Inclusion in a subtree is inclusion in the tree of its leaves alone.
    const run = (): void => checkInclusion(index - start, end - start, hash('leafHash'), proof, hash('root'))
    expect(!isSubtree({ start, end }) || codeOf(run) !== undefined).toBe(wantErr)
  })

  test.each(subtreeConsistency)('subtreeconsistency/$name', ({ number, hash, proof, wantErr }) => {
    const run = (): void =>
      checkSubtree(number('start'), number('end'), number('size'), hash('root1'), proof, hash('root2'))
    expect(codeOf(run) !== undefined).toBe(wantErr)
  })
})

describe('digests of every subtree and proof of sizes 0 to 130 (draft-ietf-plants-merkle-tree-certs)', () => {
  const published = readVectors<Record<string, string | number>>('subtree-digests.json')
  const max = Number(published['largest_size'])
  const tree = referenceTree((index) => hashLeaf(Uint8Array.of(index)))
  const node = ({ level, index }: { level: number; index: number }): Hash =>
    tree.root(index * 2 ** level, (index + 1) * 2 ** level)
  const intervals = Array.from({ length: max + 1 }, (_, end) =>
    Array.from({ length: end + 1 }, (__, start) => ({ start, end })),
  ).flat()
  const subtrees = intervals.filter(isSubtree)
  const hex = (hashes: readonly Hash[]): string => hashes.map((hash) => ` ${toHex(hash)}`).join('')

  function digestOf(lines: readonly string[]): string {
    return createHash('sha256')
      .update(lines.map((line) => `${line}\n`).join(''))
      .digest('hex')
  }

  test('subtree hashes', () => {
    const lines = subtrees.map((range) => `[${range.start}, ${range.end}) ${toHex(foldRange(range, node))}`)
    expect(digestOf(lines)).toBe(published['subtree_hashes'])
  })

  test('inclusion in subtrees, each of which verifies', () => {
    const lines = subtrees.flatMap(({ start, end }) =>
      Array.from({ length: end - start }, (_, i) => {
        // The tree of the subtree's leaves alone, moved to where they are.
        const plan = planInclusion(i, end - start).map((range) => ({
          start: range.start + start,
          end: range.end + start,
        }))
        const proof = foldPlan(plan, node)
        checkInclusion(i, end - start, tree.root(start + i, start + i + 1), proof, tree.root(start, end))
        return `${start + i} [${start}, ${end})${hex(proof)}`
      }),
    )
    expect(digestOf(lines)).toBe(published['inclusion_proofs'])
  })

  test('consistency of subtrees, each of which verifies', () => {
    const lines: string[] = []
    for (let size = 0; size <= max; size++) {
      const root = tree.root(0, size)
      for (const { start, end } of subtrees.filter((range) => range.end <= size)) {
        const proof = foldPlan(planSubtree(start, end, size), node)
        checkSubtree(start, end, size, tree.root(start, end), proof, root)
        lines.push(`[${start}, ${end}) ${size}${hex(proof)}`)
      }
    }
    expect(digestOf(lines)).toBe(published['consistency_proofs'])
  })

  test('covering subtrees', () => {
    const lines = intervals.map((interval) => {
      const [left, right] = coverInterval(interval)
      return `[${left.start}, ${left.end}) [${right.start}, ${right.end})`
    })
    expect(digestOf(lines)).toBe(published['covering_subtrees'])
  })
})

describe('proofs of a real log', () => {
  type Recorded = {
    size: number
    root: string
    inclusion: { index: number; leafHash: string; proof: string[] }
    consistency: { from: number; root: string; proof: string[] }
  }
  const log = readVectors<Recorded>('argon2020.json')
  const root = fromBase64(log.root)

  test('entry 10,000 is in Argon 2020 at size 961,984,011, and nowhere else', () => {
    const proof = log.inclusion.proof.map(fromBase64)
    const leafHash = fromBase64(log.inclusion.leafHash)
    checkInclusion(log.inclusion.index, log.size, leafHash, proof, root)
    expect(planInclusion(log.inclusion.index, log.size)).toHaveLength(proof.length)
    expect(codeOf(() => checkInclusion(10_001, log.size, leafHash, proof, root))).toBe('proof_root_mismatch')
  })

  test('Argon 2020 only grew from 3,654,490 to 961,984,011 entries', () => {
    const proof = log.consistency.proof.map(fromBase64)
    checkConsistency(log.consistency.from, log.size, fromBase64(log.consistency.root), root, proof)
    expect(planConsistency(log.consistency.from, log.size)).toHaveLength(proof.length)
  })
})

describe('the eight-leaf tree of Certificate Transparency', () => {
  const eight = readVectors<{ nodes: string[][]; roots: string[] }>('eight-leaves.json')

  test('every root folds from its nodes', () => {
    const roots = eight.roots.map((_, size) =>
      toHex(foldRange({ start: 0, end: size }, ({ level, index }) => fromHex(eight.nodes[level]![index]!))),
    )
    expect(roots).toEqual(eight.roots)
  })
})

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
