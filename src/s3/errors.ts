import { type Evidence, ProoflogError } from '../core/errors.ts'

export type S3ErrorCode =
  | 'bucket_unusable'
  | 'bucket_refused'
  | 'bucket_unavailable'
  | 'object_changed'
  | 'object_too_large'

/**
 * What a bucket did not do. `bucket_unavailable` is worth another try; `object_changed` is the answer to a condition that
 * does not hold, and `bucket_unusable` means that address or settings cannot be right.
 */
export class S3Error extends ProoflogError {
  readonly code: S3ErrorCode

  constructor(code: S3ErrorCode, message: string, evidence: Evidence = {}, options?: ErrorOptions) {
    super(message, evidence, options)
    this.code = code
  }
}
