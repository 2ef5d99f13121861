// The way out of one log: entries and tiles. Nothing beyond the newest published checkpoint leaves this file.
import { LRUCache } from 'lru-cache'
import { encodeBundle } from '../core/bundle.ts'
import { toBase64, toHex } from '../core/bytes.ts'
import { HASH_SIZE } from '../core/hash.ts'
import { TILE_WIDTH } from '../core/tile.ts'
import { LogError } from './errors.ts'
import type { LogStore } from './ports.ts'
import { checkIndex } from './prover.ts'
import type { TileCache } from './tile-cache.ts'
import type { Log, LogInfo, Published } from './types.ts'

export type Reader = Pick<Log, 'indexOf' | 'entry' | 'entries' | 'entriesAt' | 'tile' | 'bundle'>

/** Leaf hashes whose index is remembered: positive answers only, they never change. */
const KNOWN_LEAVES = 100_000

/**
 * @param published the newest published checkpoint; throws LogError `not_published` before the first
 * @param bundleBytes memory for entry bundles at most
 */
export function createReader(
  info: LogInfo,
  store: LogStore,
  tiles: TileCache,
  published: () => Published,
  bundleBytes: number,
): Reader {
  const bundles = new LRUCache<string, Uint8Array>({
    maxSize: bundleBytes,
    sizeCalculation: (bundle) => bundle.length + 100,
  })
  const leaves = new LRUCache<string, number>({ max: KNOWN_LEAVES })

  return {
    async indexOf(leafHash) {
      const { size } = published()
      const key = toHex(leafHash)
      const index = leaves.get(key) ?? (await store.indexOf(info.id, leafHash, size))
      if (index === undefined || index >= size) {
        throw new LogError(
          'leaf_not_found',
          `no entry with leaf hash ${toBase64(leafHash)} below size ${size}`,
          { size },
        )
      }
      leaves.set(key, index)
      return index
    },
    async entry(index) {
      checkIndex(index, published().size)
      const [entry] = await store.entries(info.id, index, index + 1)
      if (entry === undefined) throw new RangeError(`store returned no entry for ${index}`)
      return entry
    },
    async entries(start, limit) {
      const { size } = published()
      if (start > size)
        throw new LogError('index_out_of_range', `start ${start} is beyond ${size}, the published size`, {
          start,
          size,
        })
      return store.entries(info.id, start, Math.min(start + limit, size))
    },
    async entriesAt(indexes) {
      const { size } = published()
      for (const index of indexes) checkIndex(index, size)
      return indexes.length === 0 ? [] : store.entriesAt(info.id, indexes)
    },
    async tile(level, index, width, fresh = false) {
      const full = checkTile(published(), level, index, width)
      const wanted = [{ level, index, width: full ? TILE_WIDTH : width }]
      const [hashes] = fresh
        ? await store.tiles(info.id, wanted)
        : (await tiles.get(wanted)).map((tile) => tile.hashes)
      if (hashes === undefined) throw new RangeError('store returned no tile')
      return hashes.subarray(0, width * HASH_SIZE)
    },
    async bundle(index, width, fresh = false) {
      checkTile(published(), 0, index, width)
      const key = `${index}/${width}`
      const known = fresh ? undefined : bundles.get(key)
      if (known !== undefined) return known
      const bundle = encodeBundle(
        await store.entries(info.id, index * TILE_WIDTH, index * TILE_WIDTH + width),
      )
      bundles.set(key, bundle)
      return bundle
    },
  }
}

/** Whether the published log has the tile in full. @throws LogError `tile_not_found` when it does not even have this width of it */
function checkTile({ size }: Published, level: number, index: number, width: number): boolean {
  const hashes = Math.floor(size / TILE_WIDTH ** level)
  if (width < 1 || width > TILE_WIDTH || index * TILE_WIDTH + width > hashes) {
    throw new LogError(
      'tile_not_found',
      `the published log of ${size} entries has no tile ${level}/${index} of width ${width} (yet)`,
      { level, index, width, size },
    )
  }
  return (index + 1) * TILE_WIDTH <= hashes
}
