// The HTTP Event Collector that Splunk's senders speak: their paths, their answers, their codes.
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import type { Refusal, Route } from '../../http/route.ts'
import type { Log } from '../../log/types.ts'
import type { Records } from '../event/types.ts'
import { createHecAcks, type HecAcks, hecChannel } from '../ingest/hec-ack.ts'
import { hecAnswer, HecError, hecRefusal } from '../ingest/hec-answers.ts'
import { parseHec, parseHecRaw } from '../ingest/hec.ts'
import { both } from './both.ts'
import type { AuditHttpDeps } from './deps.ts'
import { withSentBody } from './read-sent.ts'
import { hecAckQuery, hecAcks, hecEvent, hecReply, text } from './schemas.ts'
import { known } from './source.ts'
import { takeIn } from './take-in.ts'

const EVENT_PATHS = ['/services/collector', '/services/collector/event', '/services/collector/event/1.0']
const RAW_PATHS = ['/services/collector/raw', '/services/collector/raw/1.0']
const HEALTH_PATHS = ['/services/collector/health', '/services/collector/health/1.0']

export function hecRoutes(deps: AuditHttpDeps): Route[] {
  const acks = createHecAcks()
  return [
    ...EVENT_PATHS.flatMap((path) =>
      both({
        method: 'POST',
        path,
        refuse,
        doc: eventsDoc,
        onLog: (c, log, who) => collect(c, log, who, deps, acks, parseHec),
      }),
    ),
    ...RAW_PATHS.flatMap((path) =>
      both({
        method: 'POST',
        path,
        refuse,
        doc: rawDoc,
        onLog: (c, log, who) =>
          collect(c, log, who, deps, acks, (body) => parseHecRaw(body, new URL(c.req.url).searchParams)),
      }),
    ),
    ...both({
      method: 'POST',
      path: '/services/collector/ack',
      refuse,
      doc: ackDoc,
      onLog: (c, _, who) => acknowledge(c, who, acks),
    }),
    ...HEALTH_PATHS.flatMap((path): Route[] =>
      [`/logs/:log${path}`, path].map((whole) => ({
        method: 'GET',
        path: whole,
        doc: healthDoc,
        handle: health,
      })),
    ),
  ]
}

async function collect(
  c: Context,
  log: Log,
  who: Principal | undefined,
  { recorder }: AuditHttpDeps,
  acks: HecAcks,
  parse: (body: Uint8Array) => { readonly incoming: Records },
): Promise<Response> {
  const channel = hecChannel(c.req.header('x-splunk-request-channel'), c.req.query('channel'))
  await withSentBody(c, (body) => takeIn(c, recorder, log, who, parse(body).incoming))
  // Only what is committed is answered at all, so it is acknowledged as soon as it has an id.
  return reply(hecAnswer(channel === undefined ? undefined : acks.issue(known(who).id, channel)))
}

async function acknowledge(c: Context, who: Principal | undefined, acks: HecAcks): Promise<Response> {
  const channel = hecChannel(c.req.header('x-splunk-request-channel'), c.req.query('channel'))
  if (channel === undefined) throw new HecError(10)
  return withSentBody(c, async (body) =>
    reply({ status: 200, body: acks.answer(known(who).id, channel, body) }),
  )
}

function health(): Response {
  return reply({ status: 200, body: { text: 'HEC is healthy', code: 17 } })
}

function refuse(_: Context, { status, code, detail, error }: Refusal): Response {
  return reply(
    error instanceof HecError ? { status: error.status, body: error.body } : hecRefusal(status, code, detail),
  )
}

function reply({ status, body }: { status: number; body: object }): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}

const PROBLEMS = ['body_too_large', 'body_incomplete', 'queue_full', 'outcome_unknown'] as const
const answers = { 'application/json': hecReply }
const eventsDoc = {
  tag: 'events in',
  summary: 'Splunk HEC: events',
  description:
    'As senders for Splunk have it: JSON objects one after the other, `Authorization: Splunk <key>`. With a channel ' +
    '(`X-Splunk-Request-Channel`) the answer has an `ackId`. Errors have the codes of HEC.',
  body: { 'application/json': hecEvent },
  answers,
  problems: PROBLEMS,
}
const rawDoc = {
  tag: 'events in',
  summary: 'Splunk HEC: lines',
  description: 'Each line is an event; `host`, `source` and `sourcetype` may stand in the query.',
  body: { 'text/plain': text },
  answers,
  problems: PROBLEMS,
}
const ackDoc = {
  tag: 'events in',
  summary: 'Splunk HEC: acknowledgements',
  description: '`{"acks":[0,1]}` of a channel, answered by `{"acks":{"0":true,"1":true}}`.',
  query: hecAckQuery,
  body: { 'application/json': hecAcks },
  answers,
  problems: PROBLEMS,
}
const healthDoc = { tag: 'events in', summary: 'Splunk HEC: health', answers }
