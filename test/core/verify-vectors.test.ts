// Proofs made by others: whole families of vectors, and two proofs of a log that exists.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { fromBase64, fromHex, toHex } from '../../src/core/bytes.ts'
import { hashLeaf, type Hash } from '../../src/core/hash.ts'
import { foldPlan, foldRange } from '../../src/core/proof.ts'
import { coverInterval, isSubtree, planConsistency, planInclusion, planSubtree } from '../../src/core/tree.ts'
import { checkConsistency, checkInclusion, checkSubtree } from '../../src/core/verify.ts'
import { codeOf, readVectors } from '../support/note-vectors.ts'
import { referenceTree } from '../support/reference-tree.ts'

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
