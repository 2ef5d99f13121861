import type { Hash } from '../core/hash.ts'
import type { Scan } from './ports.ts'

/** What a check of tiles stands on. */
export interface TileSource {
  readonly scan: Scan
  readonly logId: number
  /** Size of the tree: which tiles are full. */
  readonly size: number
  /** As the head says. */
  readonly root: Hash
}
