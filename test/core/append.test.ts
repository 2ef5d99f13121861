import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  appendLeaves,
  type Edge,
  edgeFrom,
  edgeRoot,
  EMPTY_EDGE,
  type FullTile,
} from '../../src/core/append.ts'
import { concat, encodeUtf8, fromBase64, toBase64, toHex } from '../../src/core/bytes.ts'
import { EMPTY_ROOT, hashLeaf } from '../../src/core/hash.ts'
import { TILE_WIDTH, partialWidth } from '../../src/core/tile.ts'
import { treeSize } from '../support/arbitraries.ts'
import { codeOf, readVectors, TESSERA } from '../support/note-vectors.ts'
import { numberedLeaf, referenceTree, sparseTree } from '../support/reference-tree.ts'

const reference = referenceTree(numberedLeaf)
const LEAVES = concat(...Array.from({ length: 66_100 }, (_, index) => numberedLeaf(index)))

type Grown = { edge: Edge; tiles: FullTile[] }

/** Appends leaves `start` to `end` of the numbered tree. */
function append({ edge, tiles }: Grown, end: number): Grown {
  const next = appendLeaves(edge, LEAVES.subarray(edge.size * 32, end * 32))
  return { edge: next.edge, tiles: [...tiles, ...next.tiles] }
}

function grow(sizes: readonly number[]): Grown {
  return sizes.reduce(append, { edge: EMPTY_EDGE, tiles: [] })
}

/** What a tree grew to, as short text: comparing megabytes byte by byte takes seconds. */
function described({ edge, tiles }: Grown): unknown {
  return {
    size: edge.size,
    range: edge.range.map(toHex),
    partials: edge.tiles.map(digest),
    tiles: tiles.map(describeTile),
  }
}

function describeTile({ level, index, hashes, root }: FullTile): string {
  return `${level}/${index} ${hashes.length} bytes ${digest(hashes)} ${toHex(root)}`
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}

/** The hashes that a tile holds, from the reference. */
function hashesOf(level: number, index: number, width: number): Uint8Array {
  const step = TILE_WIDTH ** level
  const first = index * TILE_WIDTH
  return concat(
    ...Array.from({ length: width }, (_, i) => reference.root((first + i) * step, (first + i + 1) * step)),
  )
}

describe('appending', () => {
  test('gives every root, tile and size of a log made by Tessera', () => {
    const tiles = readVectors<{ tiles: string[] }>('tessera-tiles.json').tiles
    const roots = TESSERA.checkpoints.map((note) => note.split('\n')[2])
    expect([tiles.length, roots.length]).toEqual([15, 16])
    let edge = EMPTY_EDGE
    expect(toBase64(edgeRoot(edge))).toBe(roots[0])
    for (const [i, entry] of TESSERA.entries.entries()) {
      const next = appendLeaves(edge, hashLeaf(encodeUtf8(entry)))
      edge = next.edge
      expect(toBase64(next.root)).toBe(roots[i + 1])
      expect(edge.tiles.map(toBase64)).toEqual([tiles[i]])
      expect(edgeFrom(i + 1, [fromBase64(tiles[i]!)])).toEqual(edge)
    }
  })

  test.each([0, 1, 2, 3, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_792, 66_048])(
    'to size %d gives the root, the edge and the full tiles of the reference',
    (size) => {
      const { edge, tiles } = grow([size])
      expect(edgeRoot(edge)).toEqual(reference.root(0, size))
      const levels = [0, 1, 2].filter((level) => size >= TILE_WIDTH ** level)
      const partials = levels.map((level) =>
        hashesOf(level, Math.floor(size / TILE_WIDTH ** (level + 1)), partialWidth(level, size)),
      )
      expect(edge.tiles.map(digest)).toEqual(partials.map(digest))
      const expected = levels.flatMap((level) =>
        Array.from({ length: Math.floor(size / TILE_WIDTH ** (level + 1)) }, (_, index) => ({
          level,
          index,
          hashes: hashesOf(level, index, TILE_WIDTH),
          root: reference.root(index * TILE_WIDTH ** (level + 1), (index + 1) * TILE_WIDTH ** (level + 1)),
        })),
      )
      const sorted = tiles.toSorted((a, b) => a.level - b.level || a.index - b.index)
      expect(sorted.map(describeTile)).toEqual(expected.map(describeTile))
    },
  )

  test('in any batches is the same as at once', () => {
    const splits = treeSize(1100).chain((size) =>
      fc.tuple(fc.constant(size), fc.array(fc.nat({ max: size }), { maxLength: 8 })),
    )
    fc.assert(
      fc.property(splits, ([size, cuts]) => {
        const cutUp = grow([...cuts.toSorted((a, b) => a - b), size])
        expect(described(cutUp)).toEqual(described(grow([size])))
      }),
      { numRuns: 60 },
    )
  })

  test('one leaf at a time across the first tile of level 1 is the same as at once', () => {
    const before = grow([65_280])
    const sizes = Array.from({ length: 520 }, (_, i) => 65_281 + i)
    expect(described(sizes.reduce(append, before))).toEqual(described(grow([65_800])))
  })

  test('goes on from an edge that was read back as partial tiles', () => {
    fc.assert(
      fc.property(treeSize(66_000), fc.integer({ min: 0, max: 100 }), (size, more) => {
        const { edge } = grow([size])
        const read = edgeFrom(
          size,
          edge.tiles.map((tile) => Buffer.from(tile)),
        )
        expect(read.range).toEqual(edge.range)
        expect(edgeRoot(read)).toEqual(reference.root(0, size))
        expect(append({ edge: read, tiles: [] }, size + more).edge.range).toEqual(
          grow([size + more]).edge.range,
        )
      }),
      { numRuns: 15 },
    )
  })

  test('changes neither the edge it starts from nor the leaves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 600 }), (size, more) => {
        const { edge } = grow([size])
        const leaves = LEAVES.slice(size * 32, (size + more) * 32)
        const before = structuredClone({ edge, leaves })
        const next = appendLeaves(edge, leaves)
        expect({ edge, leaves }).toEqual(before)
        leaves.fill(0)
        expect(edgeRoot(next.edge)).toEqual(reference.root(0, size + more))
      }),
      { numRuns: 40 },
    )
  })

  test('works at sizes too large to build', () => {
    for (const size of [2 ** 31, 2 ** 32, 2 ** 48, 2 ** 52]) {
      for (const start of [size - 257, size - 1, size, size + 1]) {
        const node = sparseTree([start, start + 1, start + 2])
        const leaves = concat(numberedLeaf(start), numberedLeaf(start + 1), numberedLeaf(start + 2))
        const { edge, root } = appendLeaves(sparseEdge(start, node), leaves)
        expect(edge).toEqual(sparseEdge(start + 3, node))
        expect(root).toEqual(edgeRoot(edge))
      }
    }
  })
})

describe('what is refused', () => {
  test('half a hash, and leaves beyond 2^53-1', () => {
    expect(codeOf(() => appendLeaves(EMPTY_EDGE, new Uint8Array(33)))).toBe('proof_bad_hash')
    const node = sparseTree([])
    const full = sparseEdge(Number.MAX_SAFE_INTEGER, node)
    expect(codeOf(() => appendLeaves(full, new Uint8Array(32)))).toBe('proof_out_of_range')
    expect(codeOf(() => appendLeaves(full, new Uint8Array()))).toBeUndefined()
  })

  test('an edge whose tiles do not fit its size', () => {
    const { edge } = grow([70])
    expect(edgeFrom(0, [])).toEqual(EMPTY_EDGE)
    expect(edgeRoot(EMPTY_EDGE)).toEqual(EMPTY_ROOT)
    expect(codeOf(() => edgeFrom(71, edge.tiles))).toBe('invalid_tile')
    expect(codeOf(() => edgeFrom(70, []))).toBe('invalid_tile')
    expect(codeOf(() => edgeFrom(70, [...edge.tiles, new Uint8Array()]))).toBe('invalid_tile')
    expect(codeOf(() => edgeFrom(256, [new Uint8Array(32), new Uint8Array(32)]))).toBe('invalid_tile')
    for (const size of [-1, 0.5, Number.NaN, 2 ** 53])
      expect(codeOf(() => edgeFrom(size, []))).toBe('invalid_tile')
    expect(codeOf(() => appendLeaves({ ...EMPTY_EDGE, size: 1 }, new Uint8Array(32)))).toBe('invalid_tile')
  })
})

/** The edge of a sparse tree, made of its nodes. */
function sparseEdge(size: number, node: ReturnType<typeof sparseTree>): Edge {
  const tiles: Uint8Array[] = []
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    const first = Math.floor(size / TILE_WIDTH ** (level + 1)) * TILE_WIDTH
    tiles.push(
      concat(
        ...Array.from({ length: partialWidth(level, size) }, (_, i) =>
          node({ level: 8 * level, index: first + i }),
        ),
      ),
    )
  }
  return edgeFrom(size, tiles)
}
