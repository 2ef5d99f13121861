// POST events: the native format, which the SDK, curl, Vector and Fluent Bit speak.
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import { HttpError } from '../../http/errors.ts'
import { mediaType } from '../../http/json-body.ts'
import { invalid, readQuery } from '../../http/query.ts'
import { json } from '../../http/respond.ts'
import type { LogRoute } from '../../http/route.ts'
import { readWait, waitFor } from '../../http/wait.ts'
import type { Log } from '../../log/types.ts'
import { UnreadableEvent } from '../event/errors.ts'
import type { Records } from '../event/types.ts'
import { parseNative } from '../ingest/native.ts'
import type { ParsedBody } from '../ingest/types.ts'
import type { AuditHttpDeps } from './deps.ts'
import { withSentBody } from './read-sent.ts'
import { answerOf, describeProved, describeReceipt, MAX_PROOFS } from './receipts.ts'
import { eventBody, eventReceipts, eventsQuery, text } from './schemas.ts'
import { takeIn } from './take-in.ts'

const MEDIA_TYPES = [
  'application/json',
  'application/x-ndjson',
  'application/jsonl',
  'application/json-lines',
]

export function nativeRoutes(deps: AuditHttpDeps): LogRoute[] {
  const doc = {
    tag: 'events in',
    summary: 'Record events',
    description:
      'One event, an array of events, or one per line. Compressed bodies (gzip, deflate, zstd) are welcome. All are committed when ' +
      'the answer comes, each with its index and leaf hash; an event that was sent before gets its first index and `duplicate: true`. ' +
      'What is no event is kept as it came and reported as `quarantine`; only one that is sent alone is refused. With `wait`, the ' +
      'answer comes when a checkpoint covers them; with `proof=true` it holds their proofs then.',
    query: eventsQuery,
    body: { 'application/json': eventBody, 'application/x-ndjson': text },
    answers: { 'application/json': eventReceipts },
    problems: [
      'invalid_parameter',
      'invalid_body',
      'body_too_large',
      'body_incomplete',
      'unsupported_media_type',
      'queue_full',
      'outcome_unknown',
      'wait_timeout',
    ],
  } as const
  return [
    { method: 'POST', path: '/logs/:log/events', onLog: (c, log, who) => postEvents(c, log, who, deps), doc },
    { method: 'POST', path: '/v1/events', onLog: (c, log, who) => postEvents(c, log, who, deps), doc },
  ]
}

async function postEvents(
  c: Context,
  log: Log,
  who: Principal | undefined,
  { recorder, stopping }: AuditHttpDeps,
): Promise<Response> {
  const {
    proof,
    receipts: wanted = 'full',
    ...waiting
  } = readQuery(c, ['wait', 'timeout', 'proof', 'receipts'])
  const wait = readWait(waiting, log)
  if (proof !== undefined && (proof !== 'true' || wait === undefined))
    throw invalid(
      'proof is true, and goes with wait=published or wait=witnessed: before there is a checkpoint there is no proof',
    )
  if (wanted !== 'full' && wanted !== 'count') throw invalid('receipts is full or count')
  const type = mediaType(c)
  if (!MEDIA_TYPES.includes(type))
    throw new HttpError('unsupported_media_type', `send events as ${MEDIA_TYPES.slice(0, 2).join(' or ')}`)
  const receipts = await withSentBody(c, async (body) =>
    takeIn(c, recorder, log, who, acceptable(parseNative(body, type))),
  )
  if (proof !== undefined && receipts.length > MAX_PROOFS)
    throw invalid(
      `proof=true answers ${MAX_PROOFS} events at most; they are stored: ask for their proofs by index`,
    )
  const described = wanted === 'full' ? receipts.map(describeReceipt) : []
  const counted = wanted === 'full' ? {} : countOf(receipts)
  if (wait === undefined) return json({ ...answerOf(log, described), ...counted })
  const published = await waitFor(c, wait, log, receipts, { receipt: answerOf(log, described), stopping })
  const proved = proof === undefined ? described : await describeProved(log, receipts)
  return json({ ...answerOf(log, proved, published), ...counted })
}

/** A bad record in a list is kept; one that came alone is better refused: its sender can still mend it. */
function acceptable({ incoming, single }: ParsedBody<Records>): Records {
  const [only] = incoming
  if (only === undefined) throw new HttpError('invalid_body', 'the body holds no event: send at least one')
  if (single && only.kind === 'raw') throw new UnreadableEvent(only.reason.code, only.reason.message)
  return incoming
}

function countOf(receipts: readonly { duplicate: boolean; quarantine?: object }[]): object {
  return {
    count: receipts.length,
    duplicates: receipts.filter(({ duplicate }) => duplicate).length,
    quarantined: receipts.filter(({ quarantine }) => quarantine !== undefined).length,
  }
}
