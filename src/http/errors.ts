// What the transport itself refuses.
import { ProoflogError } from '../core/errors.ts'

export type HttpErrorCode =
  | 'not_found'
  | 'method_not_allowed'
  | 'invalid_parameter'
  | 'invalid_body'
  | 'invalid_line'
  | 'invalid_bundle'
  | 'body_incomplete'
  | 'body_too_large'
  | 'entry_too_large'
  | 'batch_too_large'
  | 'unsupported_media_type'
  | 'key_missing'
  | 'insufficient_scope'
  | 'key_not_for_log'
  | 'credentials_conflict'
  | 'log_reserved'
  | 'wait_timeout'
  | 'not_ready'
  | 'unavailable'

/** `evidence` becomes members of the problem document. */
export class HttpError extends ProoflogError {
  readonly code: HttpErrorCode

  constructor(
    code: HttpErrorCode,
    message: string,
    evidence: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, evidence, options)
    this.code = code
  }
}
