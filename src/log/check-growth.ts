// The check before every signature: the new head extends an older one, by a consistency proof from stored tiles.
import { equalBytes, toHex } from '../core/bytes.ts'
import { planConsistency } from '../core/tree.ts'
import { checkConsistency } from '../core/verify.ts'
import { foldPlanned } from './fold-planned.ts'
import { contradicted } from './halted.ts'
import type { TileCache } from './tile-cache.ts'
import type { Head, LogInfo } from './types.ts'

/**
 * @param older a head that was signed before
 * @param head a head whose right edge was checked
 * @throws LogError `log_contradicted` when `head` does not extend `older`, `log_damaged` when tiles are missing
 */
export async function checkGrowth(info: LogInfo, tiles: TileCache, older: Head, head: Head): Promise<void> {
  const evidence = {
    signed: { size: older.size, root: toHex(older.root) },
    head: { size: head.size, root: toHex(head.root) },
  }
  if (head.size < older.size) {
    throw contradicted(
      info,
      `a checkpoint of size ${older.size} was signed, but the database holds ${head.size} entries: this is an older copy of the database; restore the newest one (docs/operations.md)`,
      evidence,
    )
  }
  if (head.size === older.size) {
    if (equalBytes(head.root, older.root)) return
    throw contradicted(
      info,
      `at size ${head.size} a checkpoint with another root was signed: the database was changed; see docs/operations.md`,
      evidence,
    )
  }
  if (older.size === 0) return
  const proof = await foldPlanned(tiles, planConsistency(older.size, head.size), head.size)
  try {
    checkConsistency(older.size, head.size, older.root, head.root, proof)
  } catch (cause) {
    throw contradicted(
      info,
      `the database no longer extends the checkpoint of size ${older.size} that was signed: it was changed; see docs/operations.md`,
      evidence,
      { cause },
    )
  }
}
