// OTLP/HTTP logs (opentelemetry-proto, docs/specification.md), and the draft of the audit signal behind a switch. Answers, good
// and bad, are in the encoding of the request, with the exact content types that exporters compare.
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import { HttpError } from '../../http/errors.ts'
import { mediaType } from '../../http/json-body.ts'
import { readQuery } from '../../http/query.ts'
import { json } from '../../http/respond.ts'
import type { LogRoute, Refusal } from '../../http/route.ts'
import type { Log } from '../../log/types.ts'
import { type OtlpEncoding, otlpResponse, otlpStatus } from '../ingest/otlp-answers.ts'
import { parseOtlpAudit, parseOtlpLogs } from '../ingest/otlp.ts'
import { both } from './both.ts'
import type { AuditHttpDeps } from './deps.ts'
import { findConflict } from './id-conflicts.ts'
import { withSentBody } from './read-sent.ts'
import { auditReceipts, binary, otlpJson, text } from './schemas.ts'
import { sourceOf } from './source.ts'
import { takeIn } from './take-in.ts'

const PROTOBUF = 'application/x-protobuf'
const PROBLEMS = [
  'body_too_large',
  'body_incomplete',
  'unsupported_media_type',
  'queue_full',
  'outcome_unknown',
] as const

export function otlpRoutes(deps: AuditHttpDeps): LogRoute[] {
  const logs = both({
    method: 'POST',
    path: '/v1/logs',
    onLog: (c, log, who) => postLogs(c, log, who, deps),
    refuse,
    doc: {
      tag: 'events in',
      summary: 'OTLP/HTTP logs',
      description:
        'An `ExportLogsServiceRequest`, protobuf or JSON. Errors are a `google.rpc.Status` in the same encoding; 503 and 429 are the ' +
        'only ones that a sender should repeat. Records that cannot be read as events are kept as they came, never rejected.',
      body: { [PROTOBUF]: binary, 'application/json': otlpJson },
      answers: { [PROTOBUF]: binary, 'application/json': otlpJson },
      problems: PROBLEMS,
    },
  })
  return deps.otlpAudit ? [...logs, ...auditRoutes(deps)] : logs
}

function auditRoutes(deps: AuditHttpDeps): LogRoute[] {
  return both({
    method: 'POST',
    path: '/v1/audit',
    onLog: (c, log, who) => postAudit(c, log, who, deps),
    refuse,
    doc: {
      tag: 'events in',
      summary: 'OpenTelemetry audit signal (draft)',
      description:
        'As the draft of OTEP 0267 has it: mandatory attributes, all or nothing, an audit receipt for each record, 409 for another ' +
        'record with a known id. Served with PROOFLOG_OTLP_AUDIT=on only: the draft may change.',
      body: { [PROTOBUF]: binary, 'application/json': otlpJson },
      answers: { 'application/json': auditReceipts, 'text/plain': text },
      problems: PROBLEMS,
    },
  })
}

async function postLogs(
  c: Context,
  log: Log,
  who: Principal | undefined,
  { recorder, producers }: AuditHttpDeps,
): Promise<Response> {
  readQuery(c, [])
  const encoding = encodingOf(c)
  await withSentBody(c, async (body) => {
    const { incoming } = parseOtlpLogs(body, encoding, producers)
    if (incoming.length > 0) await takeIn(c, recorder, log, who, incoming)
  })
  const { contentType, body } = otlpResponse(encoding)
  return answer(200, contentType, body)
}

async function postAudit(
  c: Context,
  log: Log,
  who: Principal | undefined,
  deps: AuditHttpDeps,
): Promise<Response> {
  readQuery(c, [])
  const encoding = encodingOf(c)
  const receipts = await withSentBody(c, async (body) => {
    const parsed = parseOtlpAudit(body, encoding, deps.producers)
    await findConflict(deps, log, sourceOf(who), parsed.incoming)
    const recorded = await takeIn(c, deps.recorder, log, who, parsed.incoming)
    return parsed.receiptsOf(recorded, log.info.name)
  })
  return json({ receipts })
}

/** @throws HttpError `unsupported_media_type` */
function encodingOf(c: Context): OtlpEncoding {
  const type = mediaType(c)
  if (type === PROTOBUF) return 'protobuf'
  if (type === 'application/json') return 'json'
  throw new HttpError('unsupported_media_type', `send OTLP as ${PROTOBUF} or application/json`)
}

/** google.rpc.Code of what HTTP calls so. */
const RPC_CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  409: 6,
  413: 3,
  415: 3,
  429: 8,
  503: 14,
}

function refuse(c: Context, { status, code, detail }: Refusal): Response {
  const encoding = mediaType(c) === 'application/json' ? 'json' : 'protobuf'
  const { contentType, body } = otlpStatus(encoding, RPC_CODES[status] ?? 2, `${detail} (${code})`)
  return answer(status, contentType, body)
}

function answer(status: number, contentType: string, body: Uint8Array): Response {
  return new Response(new Uint8Array(body), { status, headers: { 'content-type': contentType } })
}
