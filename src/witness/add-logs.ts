// How logs become known: from the command line, or from lists. They are only added, and a list never adds a key to a log that
// has one: it could give the log to somebody else.
import type { ListedLog } from '../core/log-list.ts'
import type { Database } from '../db/connect.ts'
import { available } from './available.ts'

export interface AddedLogs {
  /** Origins that are new, or have a new key. */
  readonly added: readonly string[]
  /** Origins that were listed with a key that is not theirs, and not added. */
  readonly otherKey: readonly string[]
}

/** First half of the advisory lock's key: "wlog". Additions are made one after the other. */
const LOCK_CLASS = 0x776c6f67

/** What no log may be called: whoever reads a note would take one's signature for the other's. */
export class OwnNameError extends Error {
  readonly code = 'own_name'
}

/**
 * @param source where the logs come from, for whoever asks later: the address of a list, or `cli`
 * @param options.ownName the witness's own; a list that has it is refused as a whole
 * @param options.moreKeys whether a log that is known may get another key: only if an operator says so
 * @throws OwnNameError; Refusal `not_available`
 */
export async function addLogs(
  { sql }: Database,
  logs: readonly ListedLog[],
  source: string,
  { ownName, moreKeys }: { readonly ownName: string; readonly moreKeys: boolean },
): Promise<AddedLogs> {
  const own = logs.find(({ origin, key }) => origin === ownName || key.name === ownName)
  if (own)
    throw new OwnNameError(
      `${source} has a log by the name of this witness, ${JSON.stringify(ownName)}: nothing of it was added`,
    )
  return available(() =>
    sql.begin(async (tx) => {
      await tx`SELECT pg_advisory_xact_lock(${LOCK_CLASS}, 0)`
      const origins = logs.map(({ origin }) => origin)
      const rows = await tx<{ origin: string; vkey: string }[]>`
        SELECT origin, vkey FROM witness.logs WHERE origin = ANY(${origins})`
      const known = new Set(rows.map(({ origin }) => origin))
      const pairs = new Set(rows.map(({ origin, vkey }) => `${vkey} ${origin}`))
      const fresh = logs.filter(({ origin, key }) => !pairs.has(`${key.vkey} ${origin}`))
      const added = fresh.filter(({ origin }) => moreKeys || !known.has(origin))
      const values = added.map(({ origin, key }) => ({ origin, vkey: key.vkey, source }))
      if (values.length > 0)
        await tx`
          INSERT INTO witness.logs (origin, vkey, source)
          SELECT origin, vkey, source FROM json_to_recordset(${JSON.stringify(values)}::json)
            AS t(origin text, vkey text, source text)`
      return {
        added: added.map(({ origin }) => origin),
        otherKey: fresh.filter(({ origin }) => !moreKeys && known.has(origin)).map(({ origin }) => origin),
      }
    }),
  )
}

/** A known log, and what was cosigned of it last. */
export interface ListedKnownLog {
  readonly origin: string
  readonly vkeys: readonly string[]
  readonly source: string
  /** Seconds since the epoch. */
  readonly addedAt: number
  /** Null when nothing was cosigned yet. */
  readonly size: number | null
  readonly root: Uint8Array | null
  /** Seconds since the epoch. */
  readonly cosignedAt: number | null
}

/** Every known log, by origin. @throws Refusal `not_available` */
export async function listLogs({ sql }: Database): Promise<ListedKnownLog[]> {
  return available(
    () => sql<ListedKnownLog[]>`
      SELECT l.origin, array_agg(l.vkey ORDER BY l.added_at, l.vkey) AS vkeys,
        (array_agg(l.source ORDER BY l.added_at, l.vkey))[1] AS source, floor(extract(epoch FROM min(l.added_at)))::bigint AS "addedAt",
        h.size, h.root, h.cosigned_at AS "cosignedAt"
      FROM witness.logs l LEFT JOIN witness.heads h USING (origin)
      GROUP BY l.origin, h.size, h.root, h.cosigned_at ORDER BY l.origin`,
  )
}
