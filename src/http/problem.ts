// The one place where an error becomes an answer: code -> status, title, Retry-After (RFC 9457). There is no 500: what
// nobody foresaw is a transient fault to the caller (senders drop data on other codes) and a logged stack to the operator.
import { AccessError, type AccessErrorCode } from '../access/errors.ts'
import { ProoflogError } from '../core/errors.ts'
import { LogError, type LogErrorCode } from '../log/errors.ts'
import { HttpError, type HttpErrorCode } from './errors.ts'
import type { Refusal } from './route.ts'

export type ProblemCode = HttpErrorCode | LogErrorCode | AccessErrorCode

export interface ProblemKind {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 503
  readonly title: string
}

/** By code: ours, and those that groups of routes bring. */
export type ProblemKinds = Readonly<Record<string, ProblemKind>>

export const PROBLEMS: Readonly<Record<ProblemCode, ProblemKind>> = {
  invalid_parameter: {
    status: 400,
    title: 'A parameter in path or query is missing, unknown, repeated or not in its canonical form',
  },
  invalid_body: { status: 400, title: 'The body cannot be read' },
  invalid_line: { status: 400, title: 'A line of the batch cannot be read; nothing was stored' },
  invalid_bundle: { status: 400, title: 'The entry bundle cannot be read; nothing was stored' },
  body_incomplete: { status: 400, title: 'The body ended early; nothing was stored' },
  invalid_log_name: { status: 400, title: 'This is not a name for a log' },
  invalid_key_request: { status: 400, title: 'This key cannot be created' },
  credentials_conflict: { status: 400, title: 'The request names two different keys' },
  key_missing: { status: 401, title: 'A key is needed' },
  key_malformed: { status: 401, title: 'This is not a key' },
  key_unknown: { status: 401, title: 'The key is not known' },
  key_revoked: { status: 401, title: 'The key was revoked' },
  key_expired: { status: 401, title: 'The key expired' },
  token_invalid: { status: 401, title: 'The token is not valid here' },
  token_expired: { status: 401, title: 'The token expired' },
  token_not_granted: { status: 403, title: 'Nothing is granted to the holder of this token' },
  insufficient_scope: { status: 403, title: 'The key lacks the scope' },
  key_not_for_log: { status: 403, title: 'The key is bound to other logs' },
  grant_not_held: { status: 403, title: 'Nobody can grant what he does not have himself' },
  log_reserved: { status: 403, title: 'This log is written by the service itself' },
  not_found: { status: 404, title: 'There is nothing here' },
  log_not_found: { status: 404, title: 'There is no such log' },
  key_not_found: { status: 404, title: 'There is no such key' },
  index_out_of_range: { status: 404, title: 'The published log has no entry at this index' },
  size_out_of_range: { status: 404, title: 'The log was never published at this size' },
  leaf_not_found: { status: 404, title: 'The published log holds no such entry' },
  tile_not_found: { status: 404, title: 'The published log has no such tile' },
  method_not_allowed: { status: 405, title: 'This method is not served here' },
  log_mirrored: { status: 405, title: 'This log is a copy: append to the one that it copies' },
  log_frozen: { status: 405, title: 'The log is frozen: it takes no entries any more; nothing was stored' },
  log_changed: { status: 409, title: 'The log was changed by somebody else meanwhile' },
  state_conflict: { status: 409, title: 'The state of the log does not allow this' },
  signing_key_not_found: { status: 404, title: 'The log has no such key' },
  log_exists: { status: 409, title: 'There is a log of this name or origin' },
  entry_too_large: { status: 413, title: 'An entry holds at most 65,535 bytes; nothing was stored' },
  batch_too_large: { status: 413, title: 'The batch has too many entries; nothing was stored' },
  body_too_large: { status: 413, title: 'The body is too large; nothing was stored' },
  unsupported_media_type: { status: 415, title: 'This content type is not accepted here' },
  rate_limited: { status: 429, title: 'Too many requests with these credentials; nothing was stored' },
  reads_busy: { status: 503, title: 'Too many reads are under way' },
  queue_full: { status: 503, title: 'Too much is under way; nothing was stored' },
  store_unavailable: { status: 503, title: 'The database does not answer; nothing was stored' },
  outcome_unknown: { status: 503, title: 'It is unknown whether the entries were stored: send them again' },
  wait_timeout: { status: 503, title: 'The entries are stored, but not published yet' },
  not_published: { status: 503, title: 'The log has no checkpoint yet' },
  log_draining: { status: 503, title: 'The log is about to end and takes no entries; nothing was stored' },
  keys_elsewhere: { status: 503, title: 'This process does not hold the keys of the log' },
  log_halted: { status: 503, title: 'The log is halted' },
  log_contradicted: { status: 503, title: 'The database contradicts what was signed' },
  log_damaged: { status: 503, title: 'The stored log is damaged' },
  policy_invalid: { status: 503, title: 'The policy file of the log cannot be used' },
  quorum_missed: { status: 503, title: 'Too few witnesses cosigned' },
  guard_moved: { status: 503, title: 'Another process signed for this log' },
  guard_unavailable: { status: 503, title: 'The guard cannot be asked now: nothing is signed' },
  access_unavailable: { status: 503, title: 'Keys cannot be checked now' },
  not_ready: { status: 503, title: 'The service is not ready' },
  unavailable: { status: 503, title: 'The request could not be served now' },
}

/** Seconds after which a 503 or 429 is worth another try, unless the error knows better. */
const RETRY_AFTER = 1

type Members = Readonly<Record<string, unknown>>

/** The answer to an error. `requestId` leads the operator from a 503 to its log line. */
export function problemResponse(error: unknown, requestId: string, kinds: ProblemKinds): Response {
  const { code, title, status, detail } = refusalOf(error, kinds)
  const members = membersOf(error, kinds)
  const body = JSON.stringify({
    type: `/docs#${code}`,
    title,
    status,
    code,
    detail,
    ...members,
    ...(status === 503 ? { request_id: requestId } : {}),
  })
  return new Response(body, {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'Retry-After, Link, RateLimit, RateLimit-Policy',
      ...refusalHeaders(status, error, kinds),
    },
  })
}

/** Whether the error is one of ours: anything else deserves its stack in the log. */
export function isForeseen(error: unknown, kinds: ProblemKinds): boolean {
  return codeOf(error, kinds) !== undefined
}

/** What an error says of itself. */
export function refusalOf(error: unknown, kinds: ProblemKinds): Refusal {
  const code = codeOf(error, kinds)
  const { status, title } = kinds[code ?? 'unavailable'] ?? PROBLEMS.unavailable
  const detail =
    code !== undefined && error instanceof Error
      ? error.message
      : 'an unforeseen fault; it was logged with this request_id: try again'
  const waits = status === 503 || status === 429
  return {
    status,
    code: code ?? 'unavailable',
    title,
    detail,
    ...(waits ? { retryAfter: retryAfterOf(error) } : {}),
    error,
  }
}

/** What goes with a status whatever the body is. */
export function refusalHeaders(
  status: number,
  error: unknown,
  kinds: ProblemKinds,
): Readonly<Record<string, string>> {
  const members = membersOf(error, kinds)
  const headers: Record<string, string> = {}
  if (status === 503 || status === 429) headers['retry-after'] = String(retryAfterOf(error))
  if (status === 429) Object.assign(headers, rateLimitHeaders(members))
  // RFC 6750 §3: the error attribute is left out when no key was sent.
  if (status === 401)
    headers['www-authenticate'] =
      codeOf(error, kinds) === 'key_missing' ? 'Bearer' : 'Bearer error="invalid_token"'
  if (status === 405)
    headers['allow'] = Array.isArray(members['allow']) ? members['allow'].join(', ') : 'GET, HEAD'
  // RFC 5829 §3.4
  if (typeof members['successor'] === 'string')
    headers['link'] = `<${members['successor']}>; rel="successor-version"`
  return headers
}

/** draft-ietf-httpapi-ratelimit-headers §3, §4: units a second, none left, more in so many seconds. */
function rateLimitHeaders({ limit, rate, retry_after: seconds }: Members): Record<string, string> {
  if (typeof limit !== 'string') return {}
  return {
    'ratelimit-policy': `"${limit}";q=${String(rate)};w=1`,
    ratelimit: `"${limit}";r=0;t=${String(seconds)}`,
  }
}

function retryAfterOf(error: unknown): number {
  const seconds = error instanceof ProoflogError ? error.evidence['retry_after'] : undefined
  return typeof seconds === 'number' && Number.isSafeInteger(seconds) && seconds > 0 ? seconds : RETRY_AFTER
}

/** Undefined for what nobody foresaw; so is an error of another room whose code is spelt as one of ours. */
function codeOf(error: unknown, kinds: ProblemKinds): string | undefined {
  if (error instanceof HttpError || error instanceof LogError || error instanceof AccessError)
    return error.code
  const brought = error instanceof ProoflogError && Object.hasOwn(kinds, error.code)
  return brought && !Object.hasOwn(PROBLEMS, error.code) ? error.code : undefined
}

function membersOf(error: unknown, kinds: ProblemKinds): Members {
  if (!(error instanceof ProoflogError) || codeOf(error, kinds) === undefined) return {}
  if (error instanceof LogError) {
    const successor = error.code === 'log_frozen' ? error.evidence['successor'] : undefined
    return typeof successor === 'string' ? { successor: `/logs/${successor}` } : {}
  }
  return error instanceof AccessError && error.code !== 'rate_limited' ? {} : error.evidence
}
