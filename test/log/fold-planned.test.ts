// Proofs from tiles, against a tree that is computed naively: first read, then from what is remembered of it.
import { beforeAll, expect, test } from 'vitest'
import { planConsistency, planInclusion } from '../../src/core/tree.ts'
import { foldPlanned } from '../../src/log/fold-planned.ts'
import type { LogStore, TileCoordinate } from '../../src/log/ports.ts'
import { createTileCache } from '../../src/log/tile-cache.ts'
import { installNodeCrypto } from '../../src/node-crypto.ts'
import { numberedLeaf, referenceTree } from '../support/reference-tree.ts'

const tree = referenceTree(numberedLeaf)
const SIZES = [1, 2, 255, 256, 257, 700, 1023]

beforeAll(() => installNodeCrypto())

/** Tiles of the reference tree, and how many were asked for. */
function countingStore() {
  const asked: TileCoordinate[] = []
  const tilesOf = async (_: number, wanted: readonly TileCoordinate[]): Promise<Uint8Array[]> => {
    asked.push(...wanted)
    return wanted.map(({ level, index, width }) => {
      const span = 256 ** level
      const first = index * 256
      return Buffer.concat(
        Array.from({ length: width }, (_unused, i) => tree.root((first + i) * span, (first + i + 1) * span)),
      )
    })
  }
  return { asked, store: { tiles: tilesOf } as unknown as LogStore }
}

test.each(SIZES)(
  'every proof in a tree of %i is right, also from memory, and again after the tree grew',
  async (size) => {
    const { asked, store } = countingStore()
    const tiles = createTileCache(1, store, 2 ** 20)
    const check = async (of: number): Promise<void> => {
      for (let index = 0; index < of; index += 7)
        expect(await foldPlanned(tiles, planInclusion(index, of), of)).toEqual(
          tree.inclusion(index, of).map(plain),
        )
      for (let from = 1; from < of; from += 31)
        expect(await foldPlanned(tiles, planConsistency(from, of), of)).toEqual(
          tree.consistency(from, of).map(plain),
        )
    }
    await check(size)
    const read = asked.length
    await check(size)
    expect(asked.length).toBe(read)
    await check(size + 1)
    await check(size)
  },
)

/** Whether bytes are a Buffer or a plain array does not matter here. */
function plain(bytes: Uint8Array): unknown {
  return expect.toSatisfy((other: Uint8Array) => Buffer.compare(bytes, other) === 0)
}
