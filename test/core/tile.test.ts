import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat } from '../../src/core/bytes.ts'
import {
  bundlePath,
  hashInTile,
  parseTilePath,
  partialWidth,
  TILE_WIDTH,
  type TileId,
  tileOfNode,
  tilePath,
  tileWithin,
} from '../../src/core/tile.ts'
import { hugeSize, treeSize, upTo } from '../support/arbitraries.ts'
import { codeOf, readVectors } from '../support/note-vectors.ts'
import { numberedLeaf, referenceTree } from '../support/reference-tree.ts'

type ValidPath = { path: string; level: number | null; index: number; width: number }
const PATHS = readVectors<{ valid: ValidPath[]; invalid: string[] }>('tile-paths.json')
const reference = referenceTree(numberedLeaf)

/** The concatenated hashes of a tile, from the reference. */
function hashesOf({ level, index, width }: TileId): Uint8Array {
  const step = TILE_WIDTH ** level
  const first = index * TILE_WIDTH
  return concat(
    ...Array.from({ length: width }, (_, i) => reference.root((first + i) * step, (first + i + 1) * step)),
  )
}

describe('paths', () => {
  test.each(PATHS.valid)('$path is written and read', ({ path, level, index, width }) => {
    expect(level === null ? bundlePath(index, width) : tilePath({ level, index, width })).toBe(path)
    expect(parseTilePath(path)).toEqual({
      kind: level === null ? 'entries' : 'hash',
      id: { level: level ?? 0, index, width },
    })
  })

  test.each(PATHS.invalid)('%j is refused', (path) => {
    expect(codeOf(() => parseTilePath(path))).toBe('invalid_tile_path')
  })

  test('every tile up to index 2^53-1 comes back from its path', () => {
    const tile = fc.record({
      level: fc.integer({ min: 0, max: 63 }),
      index: fc.maxSafeNat(),
      width: fc.integer({ min: 1, max: 256 }),
    })
    fc.assert(
      fc.property(tile, (id) => {
        expect(parseTilePath(tilePath(id))).toEqual({ kind: 'hash', id })
        expect(parseTilePath(bundlePath(id.index, id.width))).toEqual({
          kind: 'entries',
          id: { ...id, level: 0 },
        })
      }),
    )
    const longest = { level: 63, index: Number.MAX_SAFE_INTEGER, width: 255 }
    expect(tilePath(longest)).toBe('tile/63/x009/x007/x199/x254/x740/991.p/255')
    expect(parseTilePath(bundlePath(longest.index, 255)).id.index).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('a path with one character changed, added or removed is refused or another canonical path', () => {
    const edit = fc.tuple(
      fc.nat(),
      fc.constantFrom('', '0', '1', 'x', '/', '.', 'p', '-', ' '),
      fc.nat({ max: 1 }),
    )
    const path = fc.constantFrom(...PATHS.valid.map((valid) => valid.path))
    fc.assert(
      fc.property(path, edit, (text, [at, insert, remove]) => {
        const i = at % text.length
        const edited = text.slice(0, i) + insert + text.slice(i + remove)
        const code = codeOf(() => {
          const { kind, id } = parseTilePath(edited)
          expect(kind === 'hash' ? tilePath(id) : bundlePath(id.index, id.width)).toBe(edited)
        })
        expect([undefined, 'invalid_tile_path']).toContain(code)
      }),
    )
  })

  test('a tile that cannot be has no path', () => {
    const tile = { level: 0, index: 0, width: 1 }
    for (const wrong of [
      { level: -1 },
      { level: 64 },
      { level: 0.5 },
      { index: -1 },
      { index: 2 ** 53 },
      { width: 0 },
      { width: 257 },
      { width: Number.NaN },
    ]) {
      expect(codeOf(() => tilePath({ ...tile, ...wrong }))).toBe('invalid_tile_path')
    }
    expect(codeOf(() => bundlePath(0, 0))).toBe('invalid_tile_path')
    expect(codeOf(() => bundlePath(-1, 1))).toBe('invalid_tile_path')
  })
})

describe('sizes', () => {
  test('the examples of the specification', () => {
    expect([0, 1, 2, 3].map((level) => partialWidth(level, 70_000))).toEqual([112, 17, 1, 0])
    expect([0, 1, 2].map((level) => partialWidth(level, 256))).toEqual([0, 1, 0])
    expect(partialWidth(63, Number.MAX_SAFE_INTEGER)).toBe(0)
    expect(Array.from({ length: 7 }, (_, level) => partialWidth(level, Number.MAX_SAFE_INTEGER))).toEqual([
      255, 255, 255, 255, 255, 255, 31,
    ])
  })

  test('a tree has a tile exactly when it has all its hashes, up to 2^53-1', () => {
    const cases = fc.tuple(fc.oneof(treeSize(70_000), hugeSize()), fc.integer({ min: 0, max: 7 }))
    fc.assert(
      fc.property(cases, ([size, level]) => {
        const hashes = Math.floor(size / TILE_WIDTH ** level)
        const index = Math.floor(hashes / TILE_WIDTH)
        const width = partialWidth(level, size)
        expect(tileWithin({ level, index, width: width + 1 }, size)).toBe(false)
        expect(width === 0 || tileWithin({ level, index, width }, size)).toBe(true)
        expect(index === 0 || tileWithin({ level, index: index - 1, width: TILE_WIDTH }, size)).toBe(true)
        expect(tileWithin({ level, index, width: TILE_WIDTH }, size)).toBe(false)
      }),
    )
    expect(tileWithin({ level: 0, index: Number.MAX_SAFE_INTEGER, width: 1 }, Number.MAX_SAFE_INTEGER)).toBe(
      false,
    )
  })
})

describe('nodes', () => {
  test('lie in the tiles that other implementations put them in', () => {
    const size = 70_000
    expect(tileOfNode({ level: 0, index: 0 }, size)).toEqual({ level: 0, index: 0, width: 256 })
    expect(tileOfNode({ level: 0, index: 255 }, size)).toEqual({ level: 0, index: 0, width: 256 })
    expect(tileOfNode({ level: 0, index: 256 }, size)).toEqual({ level: 0, index: 1, width: 256 })
    expect(tileOfNode({ level: 1, index: 0 }, size)).toEqual({ level: 0, index: 0, width: 256 })
    expect(tileOfNode({ level: 8, index: 0 }, size)).toEqual({ level: 1, index: 0, width: 256 })
    expect(tileOfNode({ level: 0, index: 69_999 }, size)).toEqual({ level: 0, index: 273, width: 112 })
    expect(tileOfNode({ level: 8, index: 272 }, size)).toEqual({ level: 1, index: 1, width: 17 })
    expect(tileOfNode({ level: 16, index: 0 }, size)).toEqual({ level: 2, index: 0, width: 1 })
    expect(tileOfNode({ level: 7, index: 0 }, 128)).toEqual({ level: 0, index: 0, width: 128 })
  })

  test('have the hash that their tile gives them', () => {
    const cases = treeSize(70_000).chain((size) =>
      upTo(Math.floor(Math.log2(size))).chain((level) =>
        fc.tuple(fc.constant(size), fc.constant(level), upTo(Math.floor(size / 2 ** level) - 1)),
      ),
    )
    fc.assert(
      fc.property(cases, ([size, level, index]) => {
        const tile = tileOfNode({ level, index }, size)
        expect(tileWithin(tile, size)).toBe(true)
        const hash = hashInTile(tile, hashesOf(tile), { level, index })
        expect(hash).toEqual(reference.root(index * 2 ** level, (index + 1) * 2 ** level))
      }),
      { numRuns: 60 },
    )
  })

  test('beyond the tree have no tile, up to 2^53-1', () => {
    fc.assert(
      fc.property(hugeSize(), fc.integer({ min: 0, max: 52 }), (size, level) => {
        const count = Math.floor(size / 2 ** level)
        expect(codeOf(() => tileOfNode({ level, index: count }, size))).toBe('proof_out_of_range')
        expect(count === 0 || tileWithin(tileOfNode({ level, index: count - 1 }, size), size)).toBe(true)
      }),
    )
  })

  test('of another tile, and tiles of the wrong length, are refused', () => {
    const tile = { level: 1, index: 2, width: 3 }
    const hashes = new Uint8Array(96)
    expect(codeOf(() => hashInTile(tile, hashes.subarray(1), { level: 8, index: 512 }))).toBe('invalid_tile')
    expect(codeOf(() => hashInTile(tile, new Uint8Array(128), { level: 8, index: 512 }))).toBe('invalid_tile')
    for (const [level, index] of [
      [8, 511],
      [8, 515],
      [9, 257],
      [7, 1024],
      [16, 2],
      [0, 512],
    ] as const) {
      expect(codeOf(() => hashInTile(tile, hashes, { level, index }))).toBe('proof_out_of_range')
    }
    expect(codeOf(() => hashInTile(tile, hashes, { level: 9, index: 256 }))).toBeUndefined()
  })
})
