// What the server refuses, with the status that https://c2sp.org/tlog-witness gives it. One closed table.
import { ProoflogError } from '../core/errors.ts'

export type RefusalCode =
  | 'malformed'
  | 'unknown_log'
  | 'not_signed'
  | 'old_size_conflict'
  | 'inconsistent'
  | 'rate_limited'
  | 'not_available'

/** Status of each refusal. */
export const REFUSAL_STATUS: Readonly<Record<RefusalCode, 400 | 403 | 404 | 409 | 422 | 429 | 503>> = {
  malformed: 400,
  not_signed: 403,
  unknown_log: 404,
  old_size_conflict: 409,
  inconsistent: 422,
  rate_limited: 429,
  not_available: 503,
}

/** A request that is not cosigned. */
export class Refusal extends ProoflogError {
  readonly code: RefusalCode

  constructor(
    code: RefusalCode,
    message: string,
    evidence: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, evidence, options)
    this.code = code
  }
}

/** The witness cosigned another size than the request says: the 409 of the protocol, whose body is `size`. */
export class SizeConflict extends Refusal {
  readonly size: number

  constructor(size: number) {
    super('old_size_conflict', `The size cosigned last is ${size}.`, { size })
    this.size = size
  }
}

/** The log asked too often: 429 with Retry-After. */
export class RateLimited extends Refusal {
  /** Whole seconds, at least 1. */
  readonly retryAfter: number

  constructor(retryAfter: number) {
    super('rate_limited', `This log asks too often: come back in ${retryAfter} s.`)
    this.retryAfter = retryAfter
  }
}
