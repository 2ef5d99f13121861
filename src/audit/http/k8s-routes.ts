// The audit webhook of kube-apiserver. It reads nothing but the status, and waits for it: the answer is short.
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import { HttpError } from '../../http/errors.ts'
import { mediaType } from '../../http/json-body.ts'
import { readQuery } from '../../http/query.ts'
import { json } from '../../http/respond.ts'
import type { LogRoute } from '../../http/route.ts'
import type { Log } from '../../log/types.ts'
import { parseEventList } from '../ingest/k8s.ts'
import { both } from './both.ts'
import type { AuditHttpDeps } from './deps.ts'
import { withSentBody } from './read-sent.ts'
import { counted, k8sEventList, k8sQuery } from './schemas.ts'
import { takeIn } from './take-in.ts'

export function k8sRoutes(deps: AuditHttpDeps): LogRoute[] {
  return both({
    method: 'POST',
    path: '/v1/k8s/audit',
    onLog: (c, log, who) => postEventList(c, log, who, deps),
    doc: {
      tag: 'events in',
      summary: 'Kubernetes audit webhook',
      description:
        'An `EventList` of audit.k8s.io/v1, as kube-apiserver sends it (`--audit-webhook-config-file`). Idempotent by `auditID` and `stage`.',
      query: k8sQuery,
      body: { 'application/json': k8sEventList },
      answers: { 'application/json': counted },
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
}

async function postEventList(
  c: Context,
  log: Log,
  who: Principal | undefined,
  { recorder }: AuditHttpDeps,
): Promise<Response> {
  readQuery(c, ['timeout']) // client-go says how long it waits
  if (mediaType(c) !== 'application/json')
    throw new HttpError('unsupported_media_type', 'send an EventList as application/json')
  const receipts = await withSentBody(c, (body) =>
    takeIn(c, recorder, log, who, parseEventList(body).incoming),
  )
  return json({ count: receipts.length })
}
