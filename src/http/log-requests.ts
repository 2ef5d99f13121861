// One line per request: never a body, a query, a header or a secret. Success is told at `debug`, since at 30,000 requests a
// second the lines would cost more than the answers; /metrics counts all of them.
import type { Logger } from 'pino'

export interface AnsweredRequest {
  readonly id: string
  readonly method: string
  /** The pattern, such as `/logs/:log/add`. */
  readonly route: string
  readonly log: string | undefined
  /** Id of the API key: its public part. */
  readonly key: string | undefined
  readonly status: number
  readonly milliseconds: number
  readonly error: unknown
  /** Whether the error is one that we know how to answer. */
  readonly foreseen: boolean
}

export function logRequest(logger: Logger, request: AnsweredRequest): void {
  const { id, method, route, log, key, status, milliseconds, error, foreseen } = request
  const line = { request_id: id, method, route, log, key, status, ms: Math.round(milliseconds * 1000) / 1000 }
  if (status < 400) logger.debug(line, 'answered')
  else if (status < 500) logger.info({ ...line, code: codeOf(error) }, 'refused')
  else if (foreseen) logger.warn({ ...line, code: codeOf(error), err: error }, 'not served')
  else logger.error({ ...line, err: error }, 'unforeseen fault')
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
