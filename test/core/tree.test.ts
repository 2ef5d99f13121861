import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  coverInterval,
  isSubtree,
  planConsistency,
  planInclusion,
  planSubtree,
  type Range,
  rangeNodes,
  splitPoint,
} from '../../src/core/tree.ts'
import { hugeSize, subtreeOf, upTo } from '../support/arbitraries.ts'
import { codeOf } from '../support/note-vectors.ts'

const MAX = Number.MAX_SAFE_INTEGER
const WRONG = [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]

describe('subtrees', () => {
  test('a tree splits at the largest power of two below its size', () => {
    for (const [size, k] of [
      [2, 1],
      [3, 2],
      [4, 2],
      [5, 4],
      [256, 128],
      [257, 256],
      [2 ** 31, 2 ** 30],
      [2 ** 31 + 1, 2 ** 31],
      [2 ** 32 + 1, 2 ** 32],
      [2 ** 52, 2 ** 51],
      [2 ** 52 + 1, 2 ** 52],
      [MAX, 2 ** 52],
    ] as const) {
      expect(splitPoint(size)).toBe(k)
    }
  })

  test.each([
    [0, 0, true],
    [5, 5, true],
    [0, 1, true],
    [0, MAX, true],
    [4, 8, true],
    [8, 13, true],
    [4, 7, true],
    [4, 9, false],
    [1, 3, false],
    [2, 5, false],
    [6, 9, false],
    [2 ** 52, MAX, true],
    [2 ** 51, MAX, false],
    [MAX - 1, MAX, true],
    [3, 2, false],
    [-4, -2, false],
    [0, 2 ** 53, false],
    [0.5, 1, false],
    [Number.NaN, 1, false],
  ])('[%d, %d) is a subtree: %s', (start, end, expected) => {
    expect(isSubtree({ start, end })).toBe(expected)
  })

  test('the nodes of a subtree tile it from left to right, each smaller than the one before', () => {
    fc.assert(
      fc.property(hugeSize().chain(subtreeOf), (range) => {
        let next = range.start
        let level = Number.POSITIVE_INFINITY
        for (const node of rangeNodes(range)) {
          expect(node.index * 2 ** node.level).toBe(next)
          expect(node.level).toBeLessThan(level)
          next += 2 ** node.level
          level = node.level
        }
        expect(next).toBe(range.end)
      }),
    )
    expect(rangeNodes({ start: 7, end: 7 })).toEqual([])
    for (let k = 0; k < 53; k++)
      expect(rangeNodes({ start: 0, end: 2 ** k })).toEqual([{ level: k, index: 0 }])
    expect(codeOf(() => rangeNodes({ start: 1, end: 3 }))).toBe('proof_out_of_range')
  })
})

describe('plans', () => {
  test('the worked example of RFC 6962 §2.1.3', () => {
    const ranges = (plan: Range[]): string => plan.map((range) => `${range.start}-${range.end}`).join(' ')
    expect(ranges(planInclusion(0, 7))).toBe('1-2 2-4 4-7')
    expect(ranges(planInclusion(3, 7))).toBe('2-3 0-2 4-7')
    expect(ranges(planInclusion(4, 7))).toBe('5-6 6-7 0-4')
    expect(ranges(planInclusion(6, 7))).toBe('4-6 0-4')
    expect(ranges(planConsistency(3, 7))).toBe('2-3 3-4 0-2 4-7')
    expect(ranges(planConsistency(4, 7))).toBe('4-7')
    expect(ranges(planConsistency(6, 7))).toBe('4-6 6-7 0-4')
  })

  test('a subtree and its plan make up the whole tree, and every part of the plan is a subtree, up to 2^53-1', () => {
    const cases = hugeSize().chain((size) => fc.tuple(fc.constant(size), subtreeOf(size)))
    fc.assert(
      fc.property(cases, ([size, { start, end }]) => {
        const plan = planSubtree(start, end, size)
        expect(plan.length).toBeLessThanOrEqual(106)
        expect(plan.every(isSubtree)).toBe(true)
        const outside = plan.filter((range) => range.end <= start || range.start >= end)
        const inside = plan.filter((range) => !outside.includes(range))
        expect(sum(outside) + (end - start)).toBe(size)
        expect([0, end - start]).toContain(sum(inside))
      }),
    )
  })

  test('an inclusion plan has one range per level of the path, up to 2^53-1', () => {
    const cases = hugeSize().chain((size) => fc.tuple(upTo(size - 1), fc.constant(size)))
    fc.assert(
      fc.property(cases, ([index, size]) => {
        const plan = planInclusion(index, size)
        expect(sum(plan)).toBe(size - 1)
        expect(plan.length).toBeLessThanOrEqual(53)
      }),
    )
    expect(planInclusion(0, 1)).toEqual([])
    expect(planInclusion(MAX - 1, MAX)).toHaveLength(52)
  })

  test('nothing is planned for what no proof exists for', () => {
    for (const wrong of WRONG) {
      expect(codeOf(() => planInclusion(wrong, 10))).toBe('proof_out_of_range')
      expect(codeOf(() => planInclusion(0, wrong))).toBe('proof_out_of_range')
      expect(codeOf(() => planConsistency(wrong, 10))).toBe('proof_out_of_range')
      expect(codeOf(() => planConsistency(1, wrong))).toBe('proof_out_of_range')
      expect(codeOf(() => coverInterval({ start: wrong, end: 10 }))).toBe('proof_out_of_range')
    }
    expect(codeOf(() => planInclusion(10, 10))).toBe('proof_out_of_range')
    expect(codeOf(() => planInclusion(0, 0))).toBe('proof_out_of_range')
    expect(codeOf(() => planConsistency(11, 10))).toBe('proof_out_of_range')
    expect(codeOf(() => planSubtree(1, 3, 10))).toBe('proof_out_of_range')
    expect(codeOf(() => coverInterval({ start: 2, end: 1 }))).toBe('proof_out_of_range')
  })

  test('nothing needs proof between an empty tree and any other, or a tree and itself', () => {
    for (const size of [0, 1, 7, 256, MAX]) {
      expect(planConsistency(0, size)).toEqual([])
      expect(planConsistency(size, size)).toEqual([])
      expect(planSubtree(size, size, size)).toEqual([])
    }
  })

  test('two subtrees cover any interval with less than its own half before it, up to 2^53-1', () => {
    const cases = fc
      .tuple(hugeSize(), fc.maxSafeNat())
      .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
    fc.assert(
      fc.property(cases, ({ start, end }) => {
        const [left, right] = coverInterval({ start, end })
        expect(isSubtree(left) && isSubtree(right)).toBe(true)
        expect([left.end, right.end]).toEqual([right.start, end])
        expect(left.start).toBeLessThanOrEqual(start)
        expect(start === end || start - left.start < left.end - start).toBe(true)
      }),
    )
  })
})

function sum(ranges: readonly Range[]): number {
  return ranges.reduce((total, range) => total + (range.end - range.start), 0)
}
