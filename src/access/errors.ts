// Why a key is not accepted, or could not be checked. http/problem.ts maps each code to a status.
import { ProoflogError } from '../core/errors.ts'

export type AccessErrorCode =
  | 'key_malformed'
  | 'key_unknown'
  | 'key_revoked'
  | 'key_expired'
  | 'key_not_found'
  | 'invalid_key_request'
  | 'access_unavailable'

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
