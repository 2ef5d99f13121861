// What core refuses, and why: four closed lists of codes. Evidence is plain data for logs and answers;
// neither it nor a message ever holds secrets or the contents of an entry.

export type FormatErrorCode =
  | 'invalid_number'
  | 'invalid_base64'
  | 'invalid_hex'
  | 'invalid_utf8'
  | 'invalid_vkey'
  | 'invalid_skey'
  | 'invalid_note'
  | 'invalid_checkpoint'
  | 'invalid_signature_blob'
  | 'invalid_tile_path'
  | 'invalid_tile'
  | 'invalid_bundle'
  | 'entry_too_large'
  | 'invalid_policy'
  | 'invalid_log_list'
  | 'invalid_proof_file'
  | 'invalid_json'
  | 'invalid_disclosure'
  | 'invalid_event_bundle'

export type ProofErrorCode =
  | 'proof_out_of_range'
  | 'proof_wrong_length'
  | 'proof_bad_hash'
  | 'proof_root_mismatch'

export type SignatureErrorCode = 'signature_invalid' | 'signature_missing' | 'algorithm_unavailable'

export type PolicyErrorCode = 'policy_unknown_log' | 'policy_quorum_not_met'

/** Plain data that a caller may log or return. */
export type Evidence = Readonly<Record<string, unknown>>

/** Every error of this project that a caller can act on. */
export abstract class ProoflogError extends Error {
  abstract readonly code: string
  readonly evidence: Evidence

  constructor(message: string, evidence: Evidence = {}, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.evidence = evidence
  }
}

/** What is stable of any error: its code, also where it came from another thread or the system; `unexpected` without one. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unexpected'
}

/** Bytes or text are not what their format allows. */
export class FormatError extends ProoflogError {
  readonly code: FormatErrorCode

  constructor(code: FormatErrorCode, message: string, evidence: Evidence = {}, options?: ErrorOptions) {
    super(message, evidence, options)
    this.code = code
  }
}

/** A proof cannot exist, is malformed, or does not prove its claim. A root mismatch carries both roots in hex. */
export class ProofError extends ProoflogError {
  readonly code: ProofErrorCode

  constructor(code: ProofErrorCode, message: string, evidence: Evidence = {}, options?: ErrorOptions) {
    super(message, evidence, options)
    this.code = code
  }
}

/** A signature is wrong, absent, or of an algorithm that is not installed. */
export class SignatureError extends ProoflogError {
  readonly code: SignatureErrorCode

  constructor(code: SignatureErrorCode, message: string, evidence: Evidence = {}, options?: ErrorOptions) {
    super(message, evidence, options)
    this.code = code
  }
}

/** Signatures are right, but the policy asks for others. */
export class PolicyError extends ProoflogError {
  readonly code: PolicyErrorCode

  constructor(code: PolicyErrorCode, message: string, evidence: Evidence = {}, options?: ErrorOptions) {
    super(message, evidence, options)
    this.code = code
  }
}
