// Forgetting a person over HTTP: asked for by one, approved by another.
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import { recordIntent, tellJournal } from '../../http/journal.ts'
import { jsonBody } from '../../http/json-body.ts'
import { readQuery } from '../../http/query.ts'
import { json } from '../../http/respond.ts'
import type { LogRoute } from '../../http/route.ts'
import type { Log } from '../../log/types.ts'
import type { Erasure, Person } from '../vault/erasure.ts'
import type { AuditHttpDeps } from './deps.ts'
import { erasure, erasureList, newErasure } from './schemas.ts'
import { known } from './source.ts'
import { subjectOf } from './subject-of.ts'

const params = { id: 'id of the erasure' }

export function erasureRoutes(deps: AuditHttpDeps): LogRoute[] {
  return [...requestRoutes(deps), ...decisionRoutes(deps)]
}

/** Asking for erasures, and what became of them. */
function requestRoutes(deps: AuditHttpDeps): LogRoute[] {
  const { erasures } = deps
  return [
    {
      method: 'POST',
      path: '/logs/:log/erasures',
      onLog: (c, log, who) => request(c, log, who, deps),
      doc: {
        tag: 'erasure',
        summary: 'Ask for a person to be erased',
        description:
          'Nothing happens before somebody else approves. `basis` and `ticket` stay in the log for ever: they name nobody.',
        body: { 'application/json': newErasure },
        answers: { 'application/json': erasure },
        status: 201,
        problems: [
          'invalid_body',
          'unsupported_media_type',
          'body_too_large',
          'body_incomplete',
          'subject_not_found',
          'erasure_conflict',
        ],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/erasures',
      async onLog(c, log) {
        readQuery(c, [])
        return json({ erasures: (await erasures.list(log.info.id)).map(describe) })
      },
      doc: { tag: 'erasure', summary: 'All erasures', answers: { 'application/json': erasureList } },
    },
    {
      method: 'GET',
      path: '/logs/:log/erasures/:id',
      async onLog(c, log) {
        readQuery(c, [])
        return json(describe(await erasures.get(log.info.id, idOf(c))))
      },
      doc: {
        tag: 'erasure',
        summary: 'One erasure',
        params,
        answers: { 'application/json': erasure },
        problems: ['erasure_not_found'],
      },
    },
  ]
}

function decisionRoutes({ erasures }: AuditHttpDeps): LogRoute[] {
  return [
    {
      method: 'POST',
      path: '/logs/:log/erasures/:id/approve',
      async onLog(c, log, who) {
        readQuery(c, [])
        await recordIntent(c)
        return json(describe(await erasures.approve(log.info.id, idOf(c), personOf(known(who)))))
      },
      doc: {
        tag: 'erasure',
        summary: 'Approve an erasure, which is carried out at once',
        description:
          'Key, disclosures and what was derived from them are destroyed in one transaction, and an entry that names nobody says so ' +
          'in the log. Neither the one who asked may approve, nor who made their key or got one from them.',
        params,
        answers: { 'application/json': erasure },
        problems: [
          'erasure_not_found',
          'erasure_conflict',
          'same_person',
          'subject_held',
          'queue_full',
          'outcome_unknown',
        ],
      },
    },
    {
      method: 'POST',
      path: '/logs/:log/erasures/:id/reject',
      async onLog(c, log, who) {
        readQuery(c, [])
        await recordIntent(c)
        return json(describe(await erasures.reject(log.info.id, idOf(c), personOf(known(who)))))
      },
      doc: {
        tag: 'erasure',
        summary: 'Reject an erasure',
        params,
        answers: { 'application/json': erasure },
        problems: ['erasure_not_found', 'erasure_conflict'],
      },
    },
  ]
}

async function request(
  c: Context,
  log: Log,
  who: Principal | undefined,
  { erasures }: AuditHttpDeps,
): Promise<Response> {
  readQuery(c, [])
  const { basis, ticket, ...named } = await jsonBody(c, newErasure)
  const subject = subjectOf(named)
  await recordIntent(c)
  const requested = await erasures.request(log.info.id, { subject, basis, ticket, by: personOf(known(who)) })
  tellJournal(c, { erasure: requested.id, ref: requested.ref })
  return json(describe(requested), 201)
}

function idOf(c: Context): string {
  return c.req.param('id') ?? ''
}

function personOf({ id, createdBy }: Principal): Person {
  return { id, createdBy: createdBy ?? null }
}

function describe({ requestedBy, requestedAt, decidedBy, decidedAt, doneAt, ...rest }: Erasure): object {
  return {
    ...rest,
    requested_by: requestedBy,
    requested_at: requestedAt.toISOString(),
    decided_by: decidedBy,
    decided_at: decidedAt?.toISOString() ?? null,
    done_at: doneAt?.toISOString() ?? null,
  }
}
