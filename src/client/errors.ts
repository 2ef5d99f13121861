// What the client reports: that a log could not be used now, or that what it serves contradicts itself.
import { type Evidence, ProoflogError } from '../core/errors.ts'

export type ClientErrorCode =
  | 'invalid_url'
  | 'unreachable'
  | 'unavailable'
  | 'not_found'
  | 'refused'
  | 'bad_answer'
  | 'wait_timeout'

/**
 * A request did not get an answer that can be used. `unreachable` and `unavailable` are worth another try later. `evidence`
 * holds `status` and, when the server named one, its stable `problem` code.
 */
export class ClientError extends ProoflogError {
  readonly code: ClientErrorCode

  constructor(code: ClientErrorCode, message: string, evidence: Evidence = {}, options?: ErrorOptions) {
    super(message, evidence, options)
    this.code = code
  }
}

export type EvidenceErrorCode =
  | 'heads_inconsistent'
  | 'head_rewound'
  | 'tile_missing'
  | 'tile_differs'
  | 'entry_differs'
  | 'root_differs'
  | 'head_missing'
  | 'signature_refused'

/**
 * What a log serves contradicts its checkpoint, or one that it signed before. The message names the exact place; of two
 * heads that cannot both be honest, `evidence` holds the signed notes as text: `remembered` and `offered`. Keep them.
 */
export class EvidenceError extends ProoflogError {
  readonly code: EvidenceErrorCode

  constructor(code: EvidenceErrorCode, message: string, evidence: Evidence = {}, options?: ErrorOptions) {
    super(message, evidence, options)
    this.code = code
  }
}
