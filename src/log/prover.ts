// Proofs about one log, in the trees up to the newest published checkpoint.
import { formatProofFile } from '../core/proof-file.ts'
import { planConsistency, planInclusion, planSubtree } from '../core/tree.ts'
import { LogError } from './errors.ts'
import { foldPlanned } from './fold-planned.ts'
import type { TileCache } from './tile-cache.ts'
import type { Log, Published } from './types.ts'

export type Prover = Pick<Log, 'inclusion' | 'consistency' | 'subtree' | 'proofFile'>

/** @param published the newest published checkpoint; throws LogError `not_published` before the first */
export function createProver(tiles: TileCache, published: () => Published): Prover {
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

/** @throws LogError `index_out_of_range` unless `index` is below `size` */
export function checkIndex(index: number, size: number): void {
  if (index < size) return
  throw new LogError(
    'index_out_of_range',
    `index ${index} is not below ${size}, the size of the tree asked about`,
    { index, size },
  )
}
