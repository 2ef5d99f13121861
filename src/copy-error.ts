import { ProoflogError } from './core/errors.ts'

export type CopyErrorCode = 'copy_differs' | 'copy_behind' | 'keys_missing' | 'service_running'

/** Why a copy of a log is not taken over. Nothing of it is visible; `evidence` holds the signed notes where there are two. */
export class CopyError extends ProoflogError {
  readonly code: CopyErrorCode

  constructor(
    code: CopyErrorCode,
    message: string,
    evidence: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, evidence, options)
    this.code = code
  }
}
