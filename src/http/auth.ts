// Who asks, and may they. 401: no key or a bad one; 403: a good one that may not; 503: it cannot be known now.
import type { Context } from 'hono'
import type { KeyInfo, Keys } from '../access/keys.ts'
import type { Scope } from '../access/scopes.ts'
import { HttpError } from './errors.ts'

const BEARER = /^Bearer +([^ ]+)$/i

/**
 * Resolves to the key of the request if it has `scope` for `log`; a route of no log needs a key bound to none.
 * @throws HttpError `key_missing`, `insufficient_scope`, `key_not_for_log`; AccessError as Keys.verify does
 */
export async function authorize(
  c: Context,
  keys: Keys,
  scope: Scope,
  log: string | undefined,
): Promise<KeyInfo> {
  const header = c.req.header('authorization')
  if (header === undefined) {
    throw new HttpError('key_missing', `send a key with scope ${scope}: Authorization: Bearer plog_…`)
  }
  const key = await keys.verify(BEARER.exec(header)?.[1] ?? '')
  if (!key.scopes.includes(scope)) {
    throw new HttpError('insufficient_scope', `key ${key.id} lacks the scope ${scope}`)
  }
  if (key.logs !== null && (log === undefined || !key.logs.includes(log))) {
    const where = log === undefined ? 'what concerns all logs' : `log ${JSON.stringify(log)}`
    throw new HttpError(
      'key_not_for_log',
      `key ${key.id} is bound to some logs and may not be used for ${where}`,
    )
  }
  return key
}
