import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { hashLeaf } from '../../src/core/hash.ts'
import { SEGMENT_SIZE } from '../../src/store/leaf-key.ts'
import { createSegmentFilters, type SegmentFilters } from '../../src/store/segment-filter.ts'

const LOG = 1
const HASH = 32
/** Leaf hashes of two pages, around the border between the first two segments. */
const START = SEGMENT_SIZE - 2048
const LEAVES = new Uint8Array(4096 * HASH)
for (let i = 0; i < 4096; i++) LEAVES.set(hashLeaf(Buffer.from(String(i))), i * HASH)

function leaves(start: number, end: number): Uint8Array {
  return LEAVES.subarray((start - START) * HASH, (end - START) * HASH)
}

/** Filters over a log whose segments begin, for the filters, at START: what came before is nobody's concern here. */
function filtersOver(): SegmentFilters {
  return createSegmentFilters(async function* (_logId, start, end) {
    for (let at = Math.max(start, START); at < end; at += 256)
      yield await Promise.resolve(leaves(at, at + 256))
  })
}

/** Indexes of entries that the filters deny while they claim to know the whole log of `size` entries. */
function denied(filters: SegmentFilters, size: number): number[] {
  const wrong: number[] = []
  for (let index = START; index < size; index++) {
    const segment = Math.floor(index / SEGMENT_SIZE)
    if (!filters.mayHold(LOG, segment, size, LEAVES, (index - START) * HASH)) wrong.push(index)
  }
  return wrong
}

test('a filter never denies what is in the log, whatever came in through this process, another one, or a rebuild', async () => {
  type Step = { kind: 'ours' | 'theirs' | 'catch up' | 'build'; count: number }
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom('ours', 'ours', 'theirs', 'catch up', 'build'),
    count: fc.integer({ min: 1, max: 700 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      // The second segment only: the first has 2^20 entries, which these tests do not make.
      const filters = filtersOver()
      let size = SEGMENT_SIZE
      for (const { kind, count } of steps) {
        const end = Math.min(size + count, START + 4096)
        if (kind === 'ours') filters.add(LOG, size, leaves(size, end))
        if (kind === 'ours' || kind === 'theirs') size = end
        if (kind === 'catch up') {
          const known = filters.knownUpTo(LOG, 1)
          filters.add(LOG, known, leaves(known, size))
        }
        if (kind === 'build') {
          filters.build(LOG, 1, Math.floor(size / 256) * 256)
          if (count % 2 === 0) await new Promise(setImmediate)
        }
        expect(denied(filters, size).filter((index) => index >= SEGMENT_SIZE)).toEqual([])
      }
      await new Promise(setImmediate)
      expect(denied(filters, size).filter((index) => index >= SEGMENT_SIZE)).toEqual([])
    }),
    { numRuns: 60 },
  )
})

test('a filter that is up to date denies nearly all that is not there', () => {
  const filters = filtersOver()
  filters.add(LOG, SEGMENT_SIZE, leaves(SEGMENT_SIZE, SEGMENT_SIZE + 2048))
  let maybe = 0
  for (let i = 0; i < 2048; i++) {
    if (filters.mayHold(LOG, 1, SEGMENT_SIZE + 2048, LEAVES, i * HASH)) maybe++
  }
  expect(maybe).toBeLessThan(20)
})

test('entries that cross a border go to the filters of both segments', () => {
  const filters = filtersOver()
  const first = new Uint8Array(SEGMENT_SIZE * HASH)
  first.set(leaves(START, SEGMENT_SIZE), START * HASH)
  const crossing = new Uint8Array(first.length + 100 * HASH)
  crossing.set(first)
  crossing.set(leaves(SEGMENT_SIZE, SEGMENT_SIZE + 100), first.length)
  filters.add(LOG, 0, crossing)
  expect(filters.knownUpTo(LOG, 0)).toBe(SEGMENT_SIZE)
  expect(filters.knownUpTo(LOG, 1)).toBe(SEGMENT_SIZE + 100)
  expect(denied(filters, SEGMENT_SIZE + 100)).toEqual([])
})

test('a filter that is behind, or missing, rules nothing out', () => {
  const filters = filtersOver()
  const stranger = hashLeaf(Buffer.from('stranger'))
  expect(filters.mayHold(LOG, 1, SEGMENT_SIZE + 1, stranger, 0)).toBe(true)
  filters.add(LOG, SEGMENT_SIZE, leaves(SEGMENT_SIZE, SEGMENT_SIZE + 10))
  expect(filters.mayHold(LOG, 1, SEGMENT_SIZE + 10, stranger, 0)).toBe(false)
  expect(filters.mayHold(LOG, 1, SEGMENT_SIZE + 11, stranger, 0)).toBe(true)
  expect(filters.mayHold(2, 1, SEGMENT_SIZE + 10, stranger, 0), 'another log').toBe(true)
})

test('entries out of step are not taken in', () => {
  const filters = filtersOver()
  filters.add(LOG, SEGMENT_SIZE, leaves(SEGMENT_SIZE, SEGMENT_SIZE + 10))
  filters.add(LOG, SEGMENT_SIZE + 20, leaves(SEGMENT_SIZE + 20, SEGMENT_SIZE + 30))
  expect(filters.knownUpTo(LOG, 1)).toBe(SEGMENT_SIZE + 10)
  expect(denied(filters, SEGMENT_SIZE + 30).filter((index) => index >= SEGMENT_SIZE)).toEqual([])
})

test('a rebuild that fails leaves what was known, and the next one works', async () => {
  let fail = true
  const filters = createSegmentFilters(async function* (_logId, start, end) {
    for (let at = start; at < end; at += 256) {
      if (fail) throw new Error('the database is gone')
      yield await Promise.resolve(leaves(at, at + 256))
    }
  })
  filters.build(LOG, 1, SEGMENT_SIZE + 512)
  await new Promise(setImmediate)
  expect(filters.knownUpTo(LOG, 1)).toBe(SEGMENT_SIZE)
  fail = false
  filters.build(LOG, 1, SEGMENT_SIZE + 512)
  await vi.waitFor(() => expect(filters.knownUpTo(LOG, 1)).toBe(SEGMENT_SIZE + 512), 20_000)
  expect(denied(filters, SEGMENT_SIZE + 512).filter((index) => index >= SEGMENT_SIZE)).toEqual([])
})

test('when the database stepped back, what the filter knew of the other copy denies nothing', () => {
  const filters = filtersOver()
  filters.add(LOG, SEGMENT_SIZE, leaves(SEGMENT_SIZE, SEGMENT_SIZE + 300))
  // The other copy ends 200 entries earlier and grows again, with other entries.
  filters.add(LOG, SEGMENT_SIZE + 100, leaves(SEGMENT_SIZE + 1000, SEGMENT_SIZE + 1150))
  for (let i = 0; i < 150; i++) {
    const at = (SEGMENT_SIZE + 1000 + i - START) * HASH
    expect(filters.mayHold(LOG, 1, SEGMENT_SIZE + 250, LEAVES, at)).toBe(true)
  }
})
