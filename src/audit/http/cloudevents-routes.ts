// CloudEvents 1.0 over HTTP, in all three content modes, and the handshake that shows a sender it is welcome.
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import { HttpError } from '../../http/errors.ts'
import { mediaType } from '../../http/json-body.ts'
import { preflight } from '../../http/preflight.ts'
import { readQuery } from '../../http/query.ts'
import { json } from '../../http/respond.ts'
import type { LogRoute, Route } from '../../http/route.ts'
import type { Log } from '../../log/types.ts'
import { UnreadableEvent } from '../event/errors.ts'
import { abuseHandshake, cloudEventsMode, parseCloudEvents } from '../ingest/cloudevents.ts'
import { both } from './both.ts'
import type { AuditHttpDeps } from './deps.ts'
import { withSentBody } from './read-sent.ts'
import { answerOf, describeReceipt } from './receipts.ts'
import { cloudEvent, eventReceipts, text } from './schemas.ts'
import { takeIn } from './take-in.ts'

const PATH = '/v1/cloudevents'

export function cloudEventsRoutes(deps: AuditHttpDeps): Route[] {
  const routes: LogRoute[] = both({
    method: 'POST',
    path: PATH,
    onLog: (c, log, who) => postCloudEvents(c, log, who, deps),
    doc: {
      tag: 'events in',
      summary: 'CloudEvents',
      description:
        'Binary (`ce-…` headers), structured (`application/cloudevents+json`) or batched (`application/cloudevents-batch+json`) mode. ' +
        'Idempotent by source and id.',
      body: {
        'application/cloudevents+json': cloudEvent,
        'application/cloudevents-batch+json': cloudEvent.array(),
      },
      answers: { 'application/json': eventReceipts },
      problems: [
        'invalid_parameter',
        'body_too_large',
        'body_incomplete',
        'unsupported_media_type',
        'queue_full',
        'outcome_unknown',
      ],
    },
  })
  const handshakes = [`/logs/:log${PATH}`, PATH].map((path): Route => ({
    method: 'OPTIONS',
    path,
    handle: handshake,
    doc: {
      tag: 'events in',
      summary: 'CloudEvents: may I send?',
      description: 'The abuse protection of the CloudEvents webhook: whoever has a key may send.',
      answers: { 'text/plain': text },
      status: 200,
    },
  }))
  return [...routes, ...handshakes]
}

async function postCloudEvents(
  c: Context,
  log: Log,
  who: Principal | undefined,
  { recorder }: AuditHttpDeps,
): Promise<Response> {
  readQuery(c, [])
  const type = mediaType(c)
  if (cloudEventsMode(type, c.req.raw.headers) === undefined)
    throw new HttpError(
      'unsupported_media_type',
      'send ce-… headers, or the event as application/cloudevents+json, or many as application/cloudevents-batch+json',
    )
  const receipts = await withSentBody(c, async (body) => {
    const { incoming, single } = parseCloudEvents(body, type, c.req.raw.headers)
    const [only] = incoming
    if (single && only?.kind === 'raw') throw new UnreadableEvent(only.reason.code, only.reason.message)
    return takeIn(c, recorder, log, who, incoming)
  })
  return json(answerOf(log, receipts.map(describeReceipt)))
}

function handshake(c: Context): Response {
  // A browser asks by the same method, for a page that wants to send.
  if (c.req.header('access-control-request-method') !== undefined) return preflight(['POST', 'OPTIONS'])
  return new Response(null, {
    status: 200,
    headers: { ...abuseHandshake(c.req.raw.headers), allow: 'POST, OPTIONS' },
  })
}
