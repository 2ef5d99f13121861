import type { Context } from 'hono'
import type { KeyInfo, Keys } from '../access/keys.ts'
import type { Principal } from '../access/principal.ts'
import type { Logs } from '../log/types.ts'
import { HttpError } from './errors.ts'
import { recordIntent, tellJournal } from './journal.ts'
import { jsonBody } from './json-body.ts'
import { readQuery } from './query.ts'
import { json } from './respond.ts'
import type { Route } from './route.ts'
import { createdKey, key, keyList, newKey } from './schemas.ts'

/** API keys, for those who may make them, bound to no log. */
export function keyRoutes(keys: Keys, logs: Logs): Route[] {
  return [
    {
      method: 'GET',
      path: '/keys',
      handle: (c) => listKeys(c, keys),
      doc: {
        tag: 'keys',
        summary: 'All keys, without their secrets',
        answers: { 'application/json': keyList },
        problems: ['invalid_parameter'],
      },
    },
    {
      method: 'POST',
      path: '/keys',
      handle: (c, principal) => createKey(c, keys, logs, principal),
      doc: {
        tag: 'keys',
        summary: 'Create a key',
        description:
          'By `role` or by `scopes`: a role stands for the scopes that it has when the key is made. Nobody grants a scope, or a log, that he ' +
          'does not have himself. The events of the key are filed under its `source`, whatever they say of themselves. ' +
          'The key is in the answer and nowhere else: the server keeps its hash. A key is `plog_<id>_<secret>_<checksum>`; leaked ones are ' +
          'found in any text by `\\bplog_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\\b`, and told from look-alikes without asking the ' +
          'server: the checksum is the CRC-32 of what stands before its underscore, in base62 (0-9A-Za-z), six digits.',
        body: { 'application/json': newKey },
        answers: { 'application/json': createdKey },
        status: 201,
        problems: [
          'invalid_body',
          'invalid_key_request',
          'grant_not_held',
          'body_too_large',
          'body_incomplete',
          'unsupported_media_type',
          'queue_full',
        ],
      },
    },
    {
      method: 'DELETE',
      path: '/keys/:id',
      handle: (c) => revokeKey(c, keys),
      doc: {
        tag: 'keys',
        summary: 'Revoke a key',
        description: 'At once and for ever, in every process.',
        answers: { 'application/json': key },
        problems: ['invalid_parameter', 'key_not_found'],
      },
    },
  ]
}

async function listKeys(c: Context, keys: Keys): Promise<Response> {
  readQuery(c, [])
  return json({ keys: (await keys.list()).map(describe) })
}

async function createKey(c: Context, keys: Keys, logs: Logs, by: Principal | undefined): Promise<Response> {
  const body = await jsonBody(c, newKey)
  const { name, role, scopes, logs: bound = null, expires_at: expires = null, source = null } = body
  const known = bound === null ? [] : (await logs.list()).map((log) => log.name)
  const unknown = bound?.find((log) => !known.includes(log))
  if (unknown !== undefined) throw new HttpError('invalid_body', `logs: there is no log "${unknown}"`)
  await recordIntent(c, { name, role, scopes, logs: bound, source })
  const { key, info } = await keys.create({
    name,
    ...(role === undefined ? {} : { role }),
    ...(scopes === undefined ? {} : { scopes }),
    logs: bound,
    expiresAt: expires === null ? null : new Date(expires),
    source,
    rates: { append: body.rate_append ?? null, read: body.rate_read ?? null },
    ...(by === undefined ? {} : { by }),
  })
  tellJournal(c, { id: info.id, name: info.name, scopes: info.scopes, logs: info.logs, source: info.source })
  return json({ ...describe(info), key }, 201)
}

async function revokeKey(c: Context, keys: Keys): Promise<Response> {
  readQuery(c, [])
  await recordIntent(c)
  return json(describe(await keys.revoke(c.req.param('id') ?? '')))
}

function describe({ id, name, scopes, logs, ...info }: KeyInfo): object {
  return {
    id,
    name,
    scopes,
    logs,
    source: info.source,
    created_by: info.createdBy,
    rate_append: info.rates.append,
    rate_read: info.rates.read,
    created_at: info.createdAt.toISOString(),
    expires_at: info.expiresAt?.toISOString() ?? null,
    revoked_at: info.revokedAt?.toISOString() ?? null,
  }
}
