import { hashLeaf } from '../../core/hash.ts'
import type { Database } from '../../db/connect.ts'
import { LogError } from '../../log/errors.ts'
// The entry about an erasure: what was destroyed, why and on whose word; nothing of whom it was about but the random ref.
import type { Log } from '../../log/types.ts'
import { internalDraft } from '../event/draft.ts'
import { canonicalTime } from '../event/time.ts'
import type { Draft } from '../event/types.ts'
import { available } from './available.ts'
import { type ErasureRow, erasureOf } from './erasure-rows.ts'
import type { Vault } from './types.ts'

/** Who files it. */
const SOURCE = 'prooflog'

/**
 * Appends the entry of an erasure that is carried out, once: the same row gives the same bytes, and one process at a time does it.
 * @throws LogError as Log.append
 */
export async function announce(
  { db: { sql }, vault, logOf }: { db: Database; vault: Vault; logOf: (logId: number) => Promise<Log> },
  row: ErasureRow,
): Promise<void> {
  const log = await logOf(row.logId)
  await available(() =>
    sql.begin(async (tx) => {
      const [locked] = await tx<{ state: string }[]>`
        SELECT state FROM vault.erasures WHERE erasure_id = ${row.id} FOR UPDATE`
      if (locked?.state !== 'shredded') return
      const [sealed] = await vault.seal(log.info.id, [erasureDraft(row)])
      if (sealed === undefined) throw new TypeError('nothing was sealed')
      const index = await appendOnce(log, sealed.entry)
      await tx`UPDATE vault.erasures SET state = 'done', index = ${index}, done_at = now() WHERE erasure_id = ${row.id}`
    }),
  )
}

/** A log without deduplication is asked first: an earlier attempt may have got that far. */
async function appendOnce(log: Log, entry: Uint8Array): Promise<number> {
  const earlier = log.info.dedup ? undefined : await indexOf(log, entry)
  if (earlier !== undefined) return earlier
  const [appended] = await log.append([entry])
  if (appended === undefined) throw new TypeError('nothing was appended')
  return appended.index
}

async function indexOf(log: Log, entry: Uint8Array): Promise<number | undefined> {
  try {
    return await log.indexOf(hashLeaf(entry))
  } catch (error) {
    if (error instanceof LogError && (error.code === 'leaf_not_found' || error.code === 'not_published'))
      return undefined
    throw error
  }
}

function erasureDraft(row: ErasureRow): Draft {
  const { id, ref, kind, basis, ticket, requestedBy, decidedBy, decidedAt, entries, ranges, fields } =
    erasureOf(row)
  return internalDraft('erasure', `erasure:${id}`, SOURCE, {
    time: canonicalTime((decidedAt ?? new Date(0)).toISOString()),
    action: 'privacy.erasure',
    outcome: 'success',
    erasure: {
      refs: [ref],
      kind,
      basis,
      ...(ticket === null ? {} : { ticket }),
      requested_by: requestedBy,
      approved_by: decidedBy,
      entries,
      ranges: ranges ?? [],
      fields: fields ?? [],
    },
  })
}
