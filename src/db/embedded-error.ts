export type EmbeddedErrorCode = 'embedded_unavailable' | 'embedded_in_use' | 'embedded_failed'

/** Why the embedded Postgres did not start; the message says what to do. */
export class EmbeddedError extends Error {
  readonly code: EmbeddedErrorCode

  constructor(code: EmbeddedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
