// AES-256-GCM (NIST SP 800-38D) under random 96-bit nonces: nonce, ciphertext, tag. A key may seal 2^32 times (§8.3).
import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto'

const ALGORITHM = 'aes-256-gcm'
const NONCE_SIZE = 12
const TAG_SIZE = 16
/** Bytes that sealing adds. */
export const SEAL_OVERHEAD = NONCE_SIZE + TAG_SIZE

/** Asking the system for each nonce alone takes a quarter of the time of sealing a small text. */
const nonces = Buffer.alloc(NONCE_SIZE * 1024)
let nextNonce = nonces.length

/** Good until the next call. */
function freshNonce(): Buffer {
  if (nextNonce === nonces.length) {
    randomFillSync(nonces)
    nextNonce = 0
  }
  nextNonce += NONCE_SIZE
  return nonces.subarray(nextNonce - NONCE_SIZE, nextNonce)
}

/** @param bound what the ciphertext belongs to: opens with the same bytes only */
export function sealBytes(key: KeyObject, plain: Uint8Array, bound: Uint8Array): Buffer {
  const nonce = freshNonce()
  const cipher = createCipheriv(ALGORITHM, key, nonce)
  cipher.setAAD(bound)
  const ciphertext = cipher.update(plain)
  cipher.final()
  const sealed = Buffer.allocUnsafe(ciphertext.length + SEAL_OVERHEAD)
  sealed.set(nonce, 0)
  sealed.set(ciphertext, NONCE_SIZE)
  sealed.set(cipher.getAuthTag(), NONCE_SIZE + ciphertext.length)
  return sealed
}

/** @throws Error, of no particular kind, when the key, the binding or any byte is another */
export function openBytes(key: KeyObject, sealed: Uint8Array, bound: Uint8Array): Buffer {
  if (sealed.length < SEAL_OVERHEAD) throw new RangeError('too short to be sealed')
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_SIZE), {
    authTagLength: TAG_SIZE,
  })
  decipher.setAAD(bound)
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_SIZE))
  const plain = decipher.update(sealed.subarray(NONCE_SIZE, sealed.length - TAG_SIZE))
  decipher.final()
  return plain
}
