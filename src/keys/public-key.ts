// The vkey of a key that somebody else holds, from the public key that they show.
import { createPublicKey } from 'node:crypto'
import { fromBase64 } from '../core/bytes.ts'
import { formatVkey } from '../core/keys.ts'
import { KeysError } from './errors.ts'

const ED25519_SIZE = 32
const ML_DSA_44_SIZE = 1_312

/**
 * @param name of the key: the origin of its log
 * @param text a public key in PEM (Ed25519), or 32 bytes (Ed25519) or 1,312 bytes (ML-DSA-44) in base64
 * @throws KeysError `invalid_key_line`; FormatError invalid_vkey for a name that cannot be one
 */
export function vkeyOfPublicKey(name: string, text: string): string {
  const raw = rawKey(text.trim())
  if (raw.length === ED25519_SIZE) return formatVkey(name, 0x01, raw)
  if (raw.length === ML_DSA_44_SIZE) return formatVkey(name, 0x06, raw)
  throw refused()
}

function rawKey(text: string): Uint8Array {
  try {
    if (!text.startsWith('-----BEGIN')) return fromBase64(text)
    const { crv, x } = createPublicKey(text).export({ format: 'jwk' })
    if (crv === 'Ed25519' && x !== undefined) return new Uint8Array(Buffer.from(x, 'base64url'))
  } catch (cause) {
    throw refused({ cause })
  }
  throw refused()
}

function refused(options?: ErrorOptions): KeysError {
  const what =
    'this is no public key: give PEM of an Ed25519 key, or 32 (Ed25519) or 1,312 (ML-DSA-44) bytes in base64'
  return new KeysError('invalid_key_line', what, options)
}
