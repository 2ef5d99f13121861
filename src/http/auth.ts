// Who asks, and may they. 401: no key or a bad one; 403: a good one that may not; 503: it cannot be known now.
import type { Context } from 'hono'
import type { Keys } from '../access/keys.ts'
import type { Oidc } from '../access/oidc.ts'
import { covers, narrowed, type Principal } from '../access/principal.ts'
import type { Scope } from '../access/scopes.ts'
import { HttpError } from './errors.ts'

/** Where credentials are looked up. */
export interface Credentials {
  readonly keys: Pick<Keys, 'verify'>
  /** Undefined when no identity provider is configured: then every credential is a key. */
  readonly oidc?: Oidc | undefined
}

const AUTHORIZATION = /^(Bearer|Splunk|Basic) +([^ ]+)$/i
/** JWS compact serialization (RFC 7515 §3.1); a key has no dots. */
const TOKEN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/

/**
 * Whose credentials these are. They are sent as `Authorization: Bearer`, `Splunk` (a key as it is), `Basic` (a key as the
 * password, the user is not looked at) or `X-API-Key`, because agents differ in what they can be configured to send.
 * @param wanted for the message
 * @throws HttpError `key_missing`, `credentials_conflict`; AccessError as Keys.verify and Oidc.verify do
 */
export async function authenticate(
  c: Context,
  { keys, oidc }: Credentials,
  wanted: Scope,
): Promise<Principal> {
  const authorization = c.req.header('authorization')
  const apiKey = c.req.header('x-api-key')
  if (authorization === undefined) {
    if (apiKey === undefined)
      throw new HttpError('key_missing', `send a key with scope ${wanted}: Authorization: Bearer plog_…`)
    return keys.verify(apiKey)
  }
  const [, scheme = '', value = ''] = AUTHORIZATION.exec(authorization) ?? []
  const text = scheme.toLowerCase() === 'basic' ? passwordOf(value) : value
  if (apiKey !== undefined && apiKey !== text)
    throw new HttpError(
      'credentials_conflict',
      'Authorization and X-API-Key name different keys: send one of them',
    )
  if (oidc !== undefined && scheme.toLowerCase() === 'bearer' && TOKEN.test(text)) return oidc.verify(text)
  return keys.verify(text)
}

/** RFC 7617 §2: the first colon ends the user. */
function passwordOf(value: string): string {
  const pair = Buffer.from(value, 'base64').toString()
  const colon = pair.indexOf(':')
  return colon === -1 ? '' : pair.slice(colon + 1)
}

/**
 * The principal with the rights that it has for `log`, all of `scopes` among them; what belongs to no log needs a principal
 * bound to none.
 * @throws HttpError `insufficient_scope`, `key_not_for_log`
 */
export function authorize(
  principal: Principal,
  scopes: readonly Scope[],
  log: string | undefined,
): Principal {
  const lacking = scopes.find((scope) => !principal.scopes.includes(scope))
  if (lacking !== undefined)
    throw new HttpError('insufficient_scope', `${nameOf(principal)} lacks the scope ${lacking}`)
  const here = narrowed(principal, log)
  if (!covers(here.logs, log) || scopes.some((scope) => !here.scopes.includes(scope))) {
    const where = log === undefined ? 'what concerns all logs' : `log ${JSON.stringify(log)}`
    throw new HttpError(
      'key_not_for_log',
      `${nameOf(principal)} is bound to some logs and may not be used for ${where}`,
    )
  }
  return here
}

function nameOf({ kind, id }: Principal): string {
  return kind === 'key' ? `key ${id}` : `the token of ${id}`
}
