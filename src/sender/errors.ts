// What the sender refuses. One closed list of codes.
import { type Evidence, ProoflogError } from '../core/errors.ts'

export type SenderErrorCode =
  /** An option is missing or out of bounds. */
  | 'invalid_options'
  /** The event lacks what every event has, or cannot be written as JSON; the message names the member. */
  | 'invalid_event'
  /** Its JSON exceeds what the log takes as one event. */
  | 'event_too_large'
  /** No room: the folder holds `maxBytes` of what was not acknowledged yet. */
  | 'spool_full'
  /** The folder cannot be written to: disk full, no permission, a fault of the device. */
  | 'spool_unavailable'
  /** Another process, or another sender of this one, uses the folder. */
  | 'spool_locked'
  /** Another process took the folder over: this one stood still for so long that it passed for dead. */
  | 'lock_lost'
  /** Some of what was accepted could not be delivered and was kept aside, in a folder beside it. */
  | 'set_aside'
  /** `close()` was called. */
  | 'closed'

/** An event was not accepted, or a folder cannot be used. Message and evidence never repeat contents of events. */
export class SenderError extends ProoflogError {
  readonly code: SenderErrorCode

  constructor(code: SenderErrorCode, message: string, evidence: Evidence = {}, options?: ErrorOptions) {
    super(message, evidence, options)
    this.code = code
  }
}

/** What a fault says of itself, without the stack. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
