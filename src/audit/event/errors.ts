// What the audit rooms refuse, and why. One closed list of codes; src/audit/http maps each to a status.
import { ProoflogError } from '../../core/errors.ts'
import type { QuarantineCode } from './types.ts'

export type AuditErrorCode =
  // what was sent
  | 'invalid_event'
  | 'event_too_large'
  | 'too_many_events'
  | 'invalid_otlp'
  | 'invalid_event_list'
  | 'invalid_cloudevent'
  | 'invalid_compression'
  | 'unsupported_encoding'
  | 'body_expands'
  | 'id_conflict'
  | 'forged_event'
  | 'signature_rejected'
  // the vault
  | 'vault_unavailable'
  | 'vault_key_missing'
  | 'vault_damaged'
  | 'subject_not_found'
  | 'subject_held'
  | 'erasure_not_found'
  | 'erasure_conflict'
  | 'same_person'
  | 'hold_not_found'
  // search
  | 'invalid_query'
  | 'search_behind'
  | 'search_unavailable'
  | 'search_busy'
  // access to it
  | 'event_not_found'
  | 'not_an_event'
  | 'reveal_not_allowed'
  | 'journal_unavailable'

/** `evidence` becomes members of the problem document; it never holds contents of an event. */
export class AuditError extends ProoflogError {
  readonly code: AuditErrorCode

  constructor(
    code: AuditErrorCode,
    message: string,
    evidence: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, evidence, options)
    this.code = code
  }
}

/** A record that is no event: it is quarantined, or refused when it came alone. The message never repeats its contents. */
export class UnreadableEvent extends ProoflogError {
  readonly code: QuarantineCode

  constructor(code: QuarantineCode, message: string, evidence: Readonly<Record<string, unknown>> = {}) {
    super(message, evidence)
    this.code = code
  }
}
