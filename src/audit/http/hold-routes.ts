// Legal holds over HTTP.
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import { recordIntent, tellJournal } from '../../http/journal.ts'
import { jsonBody } from '../../http/json-body.ts'
import { readQuery } from '../../http/query.ts'
import { json } from '../../http/respond.ts'
import type { LogRoute } from '../../http/route.ts'
import type { Log } from '../../log/types.ts'
import type { Hold } from '../vault/holds.ts'
import type { AuditHttpDeps } from './deps.ts'
import { hold, holdList, newHold } from './schemas.ts'
import { known } from './source.ts'
import { subjectOf } from './subject-of.ts'

export function holdRoutes(deps: AuditHttpDeps): LogRoute[] {
  return [
    {
      method: 'GET',
      path: '/logs/:log/holds',
      async onLog(c, log) {
        readQuery(c, [])
        return json({ holds: (await deps.holds.list(log.info.id)).map(describe) })
      },
      doc: {
        tag: 'erasure',
        summary: 'Legal holds, released ones too',
        answers: { 'application/json': holdList },
        problems: ['invalid_parameter'],
      },
    },
    {
      method: 'POST',
      path: '/logs/:log/holds',
      onLog: (c, log, who) => placeHold(c, log, who, deps),
      doc: {
        tag: 'erasure',
        summary: 'Place a legal hold',
        description:
          'On a person, or without `subject` on the whole log: while it lasts nothing that it covers is erased. A caller that ' +
          'places the same hold again for the same reason is answered the one that is there: an unanswered request can be repeated.',
        body: { 'application/json': newHold },
        answers: { 'application/json': hold },
        status: 201,
        again: true,
        problems: [
          'invalid_body',
          'unsupported_media_type',
          'body_too_large',
          'body_incomplete',
          'subject_not_found',
        ],
      },
    },
    {
      method: 'DELETE',
      path: '/logs/:log/holds/:id',
      async onLog(c, log, who) {
        readQuery(c, [])
        await recordIntent(c)
        return json(describe(await deps.holds.release(log.info.id, c.req.param('id') ?? '', known(who).id)))
      },
      doc: {
        tag: 'erasure',
        summary: 'Release a legal hold',
        params: { id: 'id of the hold' },
        answers: { 'application/json': hold },
        problems: ['invalid_parameter', 'hold_not_found'],
      },
    },
  ]
}

async function placeHold(
  c: Context,
  log: Log,
  who: Principal | undefined,
  { holds }: AuditHttpDeps,
): Promise<Response> {
  readQuery(c, [])
  const { subject, kind, reason } = await jsonBody(c, newHold)
  const held = subject === undefined ? {} : { subject: subjectOf({ subject, kind }) }
  await recordIntent(c)
  const placed = await holds.place(log.info.id, {
    ...held,
    reason,
    by: known(who).id,
  })
  tellJournal(c, { hold: placed.id, ref: placed.ref })
  return json(describe(placed), placed.again ? 200 : 201)
}

function describe({ id, ref, reason, placedBy, placedAt, releasedBy, releasedAt }: Hold): object {
  return {
    id,
    ref,
    reason,
    placed_by: placedBy,
    placed_at: placedAt.toISOString(),
    released_by: releasedBy,
    released_at: releasedAt?.toISOString() ?? null,
  }
}
