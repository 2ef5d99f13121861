// Whether the log holds another event under an id that is sent again (the draft audit signal asks for 409 then). Answered from
// the search, so for what it has indexed: a conflict within the last second is found by nobody but the auditor who searches
// for the id.
import type { Log } from '../../log/types.ts'
import { AuditError } from '../event/errors.ts'
import type { Records } from '../event/types.ts'
import type { AuditHttpDeps } from './deps.ts'

/** Events under one id that are compared. */
const COMPARED = 10

/** @throws AuditError `id_conflict` naming the place of the record: its id is a word of the sender */
export async function findConflict(
  { search, recorder }: AuditHttpDeps,
  log: Log,
  source: string,
  incoming: Records,
): Promise<void> {
  if (search === undefined) return
  const entries = await recorder.preview(log, incoming, source)
  for (const [at, { id, leafHash }] of entries.entries()) {
    const { events } = await search.query(log, { id, source: [source], limit: COMPARED, personal: false })
    if (events.length === 0) continue
    if (events.some((event) => Buffer.compare(event.leafHash, leafHash) === 0)) continue
    throw new AuditError(
      'id_conflict',
      `the log holds another record with the audit.record.id of record ${at} of the request: an id names one record`,
      { record: at },
    )
  }
}
