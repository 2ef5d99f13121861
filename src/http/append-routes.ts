// The way in: POST add (what tlog load tools speak) and POST entries (one, or a batch that is stored whole or not at all).
import type { Context } from 'hono'
import { MAX_ENTRY_SIZE } from '../core/bundle.ts'
import type { Appended, Log } from '../log/types.ts'
import { readBody } from './body.ts'
import { chargeEvents } from './charge.ts'
import { HttpError } from './errors.ts'
import { mediaType } from './json-body.ts'
import { MAX_BATCH, parseBundleBody, parseJsonEntry, parseLines } from './parse-entries.ts'
import { readQuery } from './query.ts'
import { base64, headersFor, json } from './respond.ts'
import type { Route } from './route.ts'
import { waitQuery } from './schemas-query.ts'
import { batchReceipt, binary, newEntry, receipt, text } from './schemas.ts'
import { readWait, waitFor } from './wait.ts'

const MAX_BATCH_BYTES = 16 * 1024 * 1024
/** Every byte of an entry may take six as \u00XX, and a little around it. */
const MAX_JSON_ENTRY_BYTES = 6 * MAX_ENTRY_SIZE + 1024
const INDEX_HEADERS = headersFor('text/plain; charset=utf-8', 'no-store')

/** What may not be appended as bytes; refuses by throwing. */
export type CheckEntries = (entries: readonly Uint8Array[]) => void

/** @param stopping ends waits when the process is about to stop */
export function appendRoutes(stopping: AbortSignal, check: CheckEntries = () => {}): Route[] {
  return [
    {
      method: 'POST',
      path: '/logs/:log/add',
      onLog: (c, log) => addEntry(c, log, check),
      doc: {
        tag: 'append',
        summary: 'Append one entry',
        description:
          'The body is the entry, 0 to 65,535 bytes of any content type. The answer is its index, without a newline.',
        body: { 'application/octet-stream': binary },
        answers: { 'text/plain; charset=utf-8': text },
        problems: [
          'entry_too_large',
          'body_incomplete',
          'unsupported_media_type',
          'invalid_parameter',
          'log_draining',
          'log_frozen',
          'log_mirrored',
          'queue_full',
          'outcome_unknown',
        ],
      },
    },
    {
      method: 'POST',
      path: '/logs/:log/entries',
      onLog: (c, log) => addEntries(c, log, stopping, check),
      doc: {
        tag: 'append',
        summary: 'Append one entry or a batch',
        description:
          'The content type decides: `application/octet-stream` is one entry, byte for byte; `application/json` is one entry; ' +
          '`application/x-ndjson` is one JSON entry per line; `application/vnd.prooflog.bundle` is an entry bundle as in ' +
          `c2sp.org/tlog-tiles. A batch has at most ${MAX_BATCH} entries and 16 MiB and is stored whole and in order, or not at all: ` +
          'a bad line is named and nothing is stored. On 200 everything is committed to disk.',
        query: waitQuery,
        body: {
          'application/octet-stream': binary,
          'application/json': newEntry,
          'application/x-ndjson': text,
          'application/vnd.prooflog.bundle': binary,
        },
        answers: { 'application/json': receipt.or(batchReceipt) },
        problems: [
          'invalid_parameter',
          'invalid_body',
          'invalid_line',
          'invalid_bundle',
          'body_incomplete',
          'body_too_large',
          'entry_too_large',
          'batch_too_large',
          'unsupported_media_type',
          'log_draining',
          'log_frozen',
          'log_mirrored',
          'queue_full',
          'outcome_unknown',
          'wait_timeout',
          'policy_invalid',
        ],
      },
    },
  ]
}

async function addEntry(c: Context, log: Log, check: CheckEntries): Promise<Response> {
  readQuery(c, [])
  const entry = await readBody(c, MAX_ENTRY_SIZE, 'entry_too_large')
  chargeEvents(c, 1)
  check([entry])
  const [receipt] = await log.append([entry])
  if (receipt === undefined) throw new Error('append answered nothing')
  return new Response(String(receipt.index), { headers: INDEX_HEADERS })
}

async function addEntries(
  c: Context,
  log: Log,
  stopping: AbortSignal,
  check: CheckEntries,
): Promise<Response> {
  const wait = readWait(readQuery(c, ['wait', 'timeout']), log)
  const { entries, batch } = await readEntries(c)
  chargeEvents(c, entries.length)
  check(entries)
  const appended = await log.append(entries)
  const answer = batch ? batchReceiptOf(appended) : receiptOf(appended)
  if (wait === undefined) return json(answer)
  const { size } = await waitFor(c, wait, log, appended, { receipt: answer, stopping })
  return json({ ...answer, tree_size: size })
}

async function readEntries(c: Context): Promise<{ entries: Uint8Array[]; batch: boolean }> {
  const type = mediaType(c)
  switch (type) {
    case 'application/octet-stream':
      return { entries: [await readBody(c, MAX_ENTRY_SIZE, 'entry_too_large')], batch: false }
    case 'application/json':
      return {
        entries: [parseJsonEntry(await readBody(c, MAX_JSON_ENTRY_BYTES, 'entry_too_large'))],
        batch: false,
      }
    case 'application/x-ndjson':
      return { entries: parseLines(await readBody(c, MAX_BATCH_BYTES, 'body_too_large')), batch: true }
    case 'application/vnd.prooflog.bundle':
      return { entries: parseBundleBody(await readBody(c, MAX_BATCH_BYTES, 'body_too_large')), batch: true }
    default:
      throw new HttpError(
        'unsupported_media_type',
        'send Content-Type application/octet-stream or application/json (one entry), application/x-ndjson or application/vnd.prooflog.bundle (many)',
      )
  }
}

function receiptOf([appended]: readonly Appended[]): object {
  if (appended === undefined) throw new Error('append answered nothing')
  return { index: appended.index, leaf_hash: base64(appended.leafHash), duplicate: appended.duplicate }
}

/** Small for what is usual: consecutive indexes are told by the first one. */
function batchReceiptOf(appended: readonly Appended[]): object {
  const first = appended[0]?.index ?? 0
  const consecutive = appended.every(({ index }, i) => index === first + i)
  const duplicates = appended.reduce((count, { duplicate }) => count + (duplicate ? 1 : 0), 0)
  const where = consecutive ? { first_index: first } : { indexes: appended.map(({ index }) => index) }
  return { count: appended.length, duplicates, ...where }
}
