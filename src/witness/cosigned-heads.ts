// The newest tree head cosigned for each origin: the port, and its implementation on Postgres (schema witness).
import type { Hash } from '../core/hash.ts'
import type { Database } from '../db/connect.ts'
import { available } from './available.ts'

export interface CosignedHead {
  readonly size: number
  readonly root: Hash
  /** Seconds since the epoch, as signed. */
  readonly cosignedAt: number
  /** The log's signatures that verified, and ours. */
  readonly note: Uint8Array
}

export interface CosignedHeads {
  /** Undefined when nothing was ever cosigned for this origin. @throws Refusal `not_available` */
  read(origin: string): Promise<CosignedHead | undefined>
  /**
   * Replaces `from` by `to`, and resolves when that is durable. MUST be one step for all processes: of two callers with the
   * same `from` and different heads one is told false, and so is whoever would turn the time back. A repetition of the same
   * head may pass.
   * @throws Refusal `not_available`: it may have been replaced
   */
  replace(origin: string, from: CosignedHead | undefined, to: CosignedHead): Promise<boolean>
}

/** The compare-and-set is in the statement that writes, so that nothing is locked while signatures are made. */
export function createCosignedHeads({ sql }: Database): CosignedHeads {
  return {
    async read(origin) {
      const [row] = await available(
        () => sql<CosignedHead[]>`
          SELECT size, root, cosigned_at AS "cosignedAt", note FROM witness.heads WHERE origin = ${origin}`,
      )
      return row
    },
    async replace(origin, from, { size, root, cosignedAt, note }) {
      const rows = await available(() =>
        from === undefined
          ? sql`
              INSERT INTO witness.heads (origin, size, root, cosigned_at, note)
              VALUES (${origin}, ${size}, ${root}, ${cosignedAt}, ${note})
              ON CONFLICT DO NOTHING RETURNING true`
          : sql`
              UPDATE witness.heads SET size = ${size}, root = ${root}, cosigned_at = ${cosignedAt}, note = ${note}
              WHERE origin = ${origin} AND size = ${from.size} AND root = ${from.root} AND cosigned_at <= ${cosignedAt}
              RETURNING true`,
      )
      return rows.length === 1
    },
  }
}
