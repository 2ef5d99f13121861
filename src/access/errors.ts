// Why a key or a token is not accepted, or could not be checked, or may not be used as fast. http/problem.ts maps each code to a status.
import { ProoflogError } from '../core/errors.ts'

export type AccessErrorCode =
  | 'key_malformed'
  | 'key_unknown'
  | 'key_revoked'
  | 'key_expired'
  | 'key_not_found'
  | 'token_invalid'
  | 'token_expired'
  | 'token_not_granted'
  | 'grant_not_held'
  | 'rate_limited'
  | 'reads_busy'
  | 'invalid_key_request'
  | 'access_unavailable'

/** `evidence` of `rate_limited` becomes members of the problem document. */
export class AccessError extends ProoflogError {
  readonly code: AccessErrorCode

  constructor(
    code: AccessErrorCode,
    message: string,
    evidence: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, evidence, options)
    this.code = code
  }
}
