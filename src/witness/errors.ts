// What this room refuses, and why. One closed list of codes for the client and the server.
import { ProoflogError } from '../core/errors.ts'

export type WitnessErrorCode =
  /** Not the body of an add-checkpoint request. */
  | 'invalid_request'
  /** A witness answered what the protocol does not know. */
  | 'invalid_answer'

export class WitnessError extends ProoflogError {
  readonly code: WitnessErrorCode

  constructor(
    code: WitnessErrorCode,
    message: string,
    evidence: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, evidence, options)
    this.code = code
  }
}
