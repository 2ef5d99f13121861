import type { Context } from 'hono'
import type { KeyInfo, Keys } from '../access/keys.ts'
import type { Logs } from '../log/types.ts'
import { HttpError } from './errors.ts'
import { jsonBody } from './json-body.ts'
import { readQuery } from './query.ts'
import { json } from './respond.ts'
import type { Route } from './route.ts'
import { createdKey, key, keyList, newKey } from './schemas.ts'

/** API keys, for those who administer logs with a key bound to none. */
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
      handle: (c) => createKey(c, keys, logs),
      doc: {
        tag: 'keys',
        summary: 'Create a key',
        description:
          'The key is in the answer and nowhere else: the server keeps its hash. A key is `plog_<id>_<secret>_<checksum>`; leaked ones are ' +
          'found in any text by `\\bplog_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\\b`, and told from look-alikes without asking the ' +
          'server: the checksum is the CRC-32 of what stands before its underscore, in base62 (0-9A-Za-z), six digits.',
        body: { 'application/json': newKey },
        answers: { 'application/json': createdKey },
        status: 201,
        problems: [
          'invalid_body',
          'invalid_key_request',
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

async function createKey(c: Context, keys: Keys, logs: Logs): Promise<Response> {
  const { name, scopes, logs: bound = null, expires_at: expires = null } = await jsonBody(c, newKey)
  const known = bound === null ? [] : (await logs.list()).map((log) => log.name)
  const unknown = bound?.find((log) => !known.includes(log))
  if (unknown !== undefined) throw new HttpError('invalid_body', `logs: there is no log "${unknown}"`)
  const { key, info } = await keys.create({
    name,
    scopes,
    logs: bound,
    expiresAt: expires === null ? null : new Date(expires),
  })
  return json({ ...describe(info), key }, 201)
}

async function revokeKey(c: Context, keys: Keys): Promise<Response> {
  readQuery(c, [])
  return json(describe(await keys.revoke(c.req.param('id') ?? '')))
}

function describe({ id, name, scopes, logs, createdAt, expiresAt, revokedAt }: KeyInfo): object {
  return {
    id,
    name,
    scopes,
    logs,
    created_at: createdAt.toISOString(),
    expires_at: expiresAt?.toISOString() ?? null,
    revoked_at: revokedAt?.toISOString() ?? null,
  }
}
