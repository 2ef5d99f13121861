// The way out of one log: proofs, tiles and entries. Nothing beyond the newest published checkpoint leaves this file.
import { LRUCache } from 'lru-cache'
import { encodeBundle } from '../core/bundle.ts'
import { toBase64, toHex } from '../core/bytes.ts'
import { HASH_SIZE } from '../core/hash.ts'
import { formatProofFile } from '../core/proof-file.ts'
import { TILE_WIDTH } from '../core/tile.ts'
import { planConsistency, planInclusion, planSubtree } from '../core/tree.ts'
import { LogError } from './errors.ts'
import { foldPlanned } from './fold-planned.ts'
import type { LogStore } from './ports.ts'
import type { TileCache } from './tile-cache.ts'
import type { Log, LogInfo, Published } from './types.ts'

export type Reader = Pick<
  Log,
  'inclusion' | 'consistency' | 'subtree' | 'indexOf' | 'entry' | 'entries' | 'tile' | 'bundle' | 'proofFile'
>

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
    async inclusion(index, asked) {
      const size = checkedSize(published(), asked, 1)
      checkIndex(index, size)
      return { index, size, path: await foldPlanned(tiles, planInclusion(index, size), size) }
    },
    async consistency(from, to) {
      checkedSize(published(), to, 0)
      checkedSize(published(), from, 0)
      if (from > to)
        throw new LogError('size_out_of_range', `from ${from} is larger than to ${to}: swap them`, {
          from,
          to,
        })
      return from === 0 || from === to ? [] : foldPlanned(tiles, planConsistency(from, to), to)
    },
    async subtree(start, end, asked) {
      const size = checkedSize(published(), asked, 1)
      checkedSize(published(), end, 1)
      const plan = planSubtree(start, end, size)
      const [root] = await foldPlanned(tiles, [{ start, end }], end)
      if (root === undefined) throw new RangeError(`no root for subtree ${start} to ${end}`)
      return { root, proof: await foldPlanned(tiles, plan, size) }
    },
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
    async tile(level, index, width) {
      const full = checkTile(published(), level, index, width)
      const [tile] = await tiles.get([{ level, index, width: full ? TILE_WIDTH : width }])
      if (tile === undefined) throw new RangeError('store returned no tile')
      return tile.hashes.subarray(0, width * HASH_SIZE)
    },
    async bundle(index, width) {
      checkTile(published(), 0, index, width)
      const key = `${index}/${width}`
      const known = bundles.get(key)
      if (known !== undefined) return known
      const bundle = encodeBundle(
        await store.entries(info.id, index * TILE_WIDTH, index * TILE_WIDTH + width),
      )
      bundles.set(key, bundle)
      return bundle
    },
    async proofFile(index, extra) {
      const { size, note } = published()
      checkIndex(index, size)
      const path = await foldPlanned(tiles, planInclusion(index, size), size)
      return formatProofFile({ index, path, checkpoint: note, ...(extra === undefined ? {} : { extra }) })
    },
  }
}

/** A size the caller may ask about: at most the published one, which is the default. */
function checkedSize(published: Published, size: number | undefined, least: number): number {
  const asked = size ?? published.size
  if (asked < least || asked > published.size) {
    throw new LogError(
      'size_out_of_range',
      `size ${asked} is not in ${least} to ${published.size}, the size of the newest checkpoint`,
      { size: asked, published: published.size },
    )
  }
  return asked
}

function checkIndex(index: number, size: number): void {
  if (index < size) return
  throw new LogError(
    'index_out_of_range',
    `index ${index} is not below ${size}, the size of the tree asked about`,
    { index, size },
  )
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
