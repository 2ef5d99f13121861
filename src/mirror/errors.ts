// What this room refuses, and why. One closed list of codes for the client and the server.
import { ProoflogError } from '../core/errors.ts'

export type MirrorErrorCode =
  /** Not the body of a request. */
  | 'invalid_request'
  /** The mirror copies no log of this origin. */
  | 'unknown_log'
  /** No checkpoint of the log was brought yet. */
  | 'nothing_pending'
  /** Entries are not those of the checkpoint. */
  | 'proof_refused'
  /** A mirror answered what the protocol does not know. */
  | 'invalid_answer'
  /** A mirror does not take what it is sent. */
  | 'mirror_refused'
  /** A mirror cannot be reached, or not now. */
  | 'mirror_unavailable'
  /** A mirror knows another history of the log. */
  | 'mirror_contradicts'
  /** Not a list of mirrors. */
  | 'invalid_mirrors'

export class MirrorError extends ProoflogError {
  readonly code: MirrorErrorCode

  constructor(
    code: MirrorErrorCode,
    message: string,
    evidence: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, evidence, options)
    this.code = code
  }
}
