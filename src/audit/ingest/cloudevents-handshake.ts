// The handshake of CloudEvents' Web Hooks 1.0 §4: before it delivers, a sender asks by OPTIONS whether it is welcome.
import { AuditError } from '../event/errors.ts'

/** A DNS name, as §4.1.1 has it, with a port where somebody adds one. Echoed, so nothing else may stand there. */
const ORIGIN = /^[A-Za-z0-9.-]{1,253}(?::\d{1,5})?$/

/**
 * Headers of the answer to an OPTIONS request with `WebHook-Request-Origin`: the origin is allowed, at the rate that it asked for or
 * any (`*`). Requests beyond what this server takes are answered 429 when they come.
 * `WebHook-Request-Callback` is ignored: the answer is given at once, and no address that a stranger names is ever called.
 * @throws AuditError `invalid_cloudevent` without an origin, or one that is no host name
 */
export function abuseHandshake(headers: Headers): Record<string, string> {
  const origin = headers.get('webhook-request-origin')
  if (origin === null || !ORIGIN.test(origin))
    throw new AuditError(
      'invalid_cloudevent',
      'WebHook-Request-Origin is missing or no host name: it names the system that wants to send',
    )
  const rate = headers.get('webhook-request-rate')
  const allowed = rate !== null && /^[1-9]\d{0,8}$/.test(rate) ? rate : '*'
  return { 'WebHook-Allowed-Origin': origin, 'WebHook-Allowed-Rate': allowed }
}
