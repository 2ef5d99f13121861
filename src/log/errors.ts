// What the engine refuses, and why. One closed list of codes; http/problem.ts maps each to a status.
import { ProoflogError } from '../core/errors.ts'

export type LogErrorCode =
  | 'log_not_found'
  | 'log_exists'
  | 'invalid_log_name'
  | 'entry_too_large'
  | 'batch_too_large'
  | 'queue_full'
  | 'store_unavailable'
  | 'outcome_unknown'
  | 'wait_timeout'
  | 'not_published'
  | 'index_out_of_range'
  | 'size_out_of_range'
  | 'leaf_not_found'
  | 'tile_not_found'
  | 'log_halted'
  | 'log_contradicted'
  | 'log_mirrored'
  | 'log_draining'
  | 'log_frozen'
  | 'log_changed'
  | 'state_conflict'
  | 'signing_key_not_found'
  | 'keys_elsewhere'
  | 'log_damaged'
  | 'guard_moved'
  | 'guard_unavailable'
  | 'policy_invalid'
  | 'quorum_missed'

export class LogError extends ProoflogError {
  readonly code: LogErrorCode

  constructor(
    code: LogErrorCode,
    message: string,
    evidence: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, evidence, options)
    this.code = code
  }
}
