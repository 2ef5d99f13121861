// What the keys of a log can fail with. Messages hold no secret: they end up in /readyz.
import { ProoflogError } from '../core/errors.ts'

export type KeysErrorCode =
  | 'invalid_key_line'
  | 'passphrase_missing'
  | 'passphrase_wrong'
  | 'passphrase_unusable'
  | 'signer_failed'

export class KeysError extends ProoflogError {
  readonly code: KeysErrorCode

  constructor(code: KeysErrorCode, message: string, options?: ErrorOptions) {
    super(message, {}, options)
    this.code = code
  }
}
