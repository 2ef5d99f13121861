// Exports: events as NDJSON, CSV or OCSF, streamed. Who took what is in the log before the first byte leaves, and how many with
// which hash when the last one has left: a chain of custody that proves itself.
import { createHash, randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import { tellJournal } from '../../http/journal.ts'
import { jsonBody } from '../../http/json-body.ts'
import { readQuery } from '../../http/query.ts'
import type { LogRoute } from '../../http/route.ts'
import type { Log } from '../../log/types.ts'
import { viewOf } from '../event/view.ts'
import { appendCustody } from '../record/custody.ts'
import { type ExportFormat, type ExportRow, formatExport } from '../search/export.ts'
import type { SearchQuery, SearchResult } from '../search/types.ts'
import type { AuditHttpDeps } from './deps.ts'
import { mayReveal } from './event-routes.ts'
import { exportBody, exportRequest, text } from './schemas.ts'
import { searchOf } from './search-of.ts'
import { filtersOf, queryOf } from './search-query.ts'
import { known } from './source.ts'
import { tellSought } from './tell-sought.ts'

const TYPES: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8',
  ocsf: 'application/x-ndjson',
}
/** Events read at once. */
const PAGE = 500

export function exportRoutes(deps: AuditHttpDeps): LogRoute[] {
  return [
    {
      method: 'POST',
      path: '/logs/:log/exports',
      onLog: (c, log, who) => exportEvents(c, log, who, deps),
      journal: 'record',
      streams: true,
      doc: {
        tag: 'events out',
        summary: 'Export events',
        description:
          'Streams the events that match, newest first, as `ndjson`, `csv` or `ocsf`. Every record carries log, index, leaf hash, ' +
          'the size of the checkpoint and the index exported before it, so that a copy elsewhere can be checked for what is missing. ' +
          'Two custody entries are appended to the log: before the first byte (its index is in the header `Prooflog-Custody-Index`), ' +
          'and after the last, with count and SHA-256 of what was sent.',
        body: { 'application/json': exportRequest },
        answers: { 'application/x-ndjson': text, 'text/csv; charset=utf-8': text },
        problems: [
          'invalid_parameter',
          'invalid_body',
          'unsupported_media_type',
          'queue_full',
          'outcome_unknown',
        ],
      },
    },
  ]
}

async function exportEvents(
  c: Context,
  log: Log,
  who: Principal | undefined,
  deps: AuditHttpDeps,
): Promise<Response> {
  readQuery(c, [])
  const { format, reveal = false, ...filters } = await jsonBody(c, exportBody)
  const principal = known(who)
  tellJournal(c, { format, reveal, ...filters })
  mayReveal(principal, String(reveal))
  const query = queryOf(filtersOf(filters), principal)
  if (query.personal) await tellSought(c, log, deps.vault, query)
  const search = searchOf(deps)
  const { size } = log.published()
  await search.query(log, { ...query, limit: 1 }) // refused now rather than in the middle of a stream
  const id = randomUUID()
  const custody = {
    export: id,
    by: principal.id,
    format,
    revealed: reveal,
    filters: Object.keys(filters).toSorted(),
    tree_size: size,
  }
  const { index: begun } = await appendCustody(deps.vault, log, `${id}/begin`, {
    time: new Date().toISOString(),
    action: 'prooflog.export.begin',
    outcome: 'unknown',
    custody,
  })
  const rows = matching(log, query, reveal, size, deps)
  const body = stream(formatExport(format, rows), async (count, sha256) => {
    await appendCustody(deps.vault, log, `${id}/end`, {
      time: new Date().toISOString(),
      action: 'prooflog.export.complete',
      outcome: 'success',
      custody: { ...custody, begun, count, sha256 },
    })
  })
  return new Response(body, {
    headers: {
      'content-type': TYPES[format],
      'cache-control': 'no-store',
      'content-disposition': `attachment; filename="${log.info.name}-events.${format === 'csv' ? 'csv' : 'ndjson'}"`,
      'prooflog-custody-index': String(begun),
      'access-control-expose-headers': 'Prooflog-Custody-Index',
    },
  })
}

async function* matching(
  log: Log,
  query: Omit<SearchQuery, 'limit'>,
  reveal: boolean,
  size: number,
  deps: AuditHttpDeps,
): AsyncGenerator<ExportRow, void, undefined> {
  let before: number | undefined = size
  while (before !== undefined) {
    const page: SearchResult = await searchOf(deps).query(log, { ...query, before, limit: PAGE })
    const [damage] = page.damaged
    if (damage !== undefined) throw damage
    for (const { index, leafHash, envelope, disclosures } of page.events) {
      yield { log: log.info.name, index, leafHash, size, view: viewOf(envelope, reveal ? disclosures : []) }
    }
    before = page.next
  }
}

/**
 * @param done called with the number of records and the SHA-256 of all bytes, in hex, before the stream ends; when it fails, the
 * stream breaks off: an export without its custody entry must not look complete
 */
function stream(
  parts: AsyncGenerator<{ readonly text: string; readonly records: number }, void, undefined>,
  done: (count: number, sha256: string) => Promise<void>,
): ReadableStream<Uint8Array> {
  const hash = createHash('sha256')
  let count = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done: ended, value } = await parts.next()
      if (ended === true) {
        await done(count, hash.digest('hex'))
        controller.close()
        return
      }
      const bytes = Buffer.from(value.text)
      hash.update(bytes)
      count += value.records
      controller.enqueue(new Uint8Array(bytes))
    },
    async cancel() {
      await parts.return()
    },
  })
}
