// The primitives core computes with. @noble by default, so that core runs in a browser; a server installs its platform's.
// Every implementation must pass the same vectors (test/core/crypto.test.ts).
import { sha256 } from '@noble/hashes/sha2.js'
import { ed25519PublicKey, ed25519Sign, ed25519Verify } from './ed25519.ts'

/** ML-DSA-44 (FIPS 204); its keys grow from a 32-byte seed. */
export interface MlDsa44 {
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array
  publicKey(seed: Uint8Array): Uint8Array
}

export interface Primitives {
  /** 32 bytes, in a plain Uint8Array of the caller's own: never a Buffer, whose slice() shares memory. */
  sha256(data: Uint8Array): Uint8Array
  /** Must accept exactly what ref10 accepts (see ed25519.ts) and answer false, not throw, on malformed input. */
  ed25519Verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array
  ed25519PublicKey(seed: Uint8Array): Uint8Array
  /** Absent unless installed (core/ml-dsa.ts): it would double the size of a verifier in a browser. */
  mlDsa44?: MlDsa44
}

/** What core computes with now; changed only by {@link installPrimitives}. */
export const primitives: Readonly<Primitives> = {
  sha256,
  ed25519Verify,
  ed25519Sign,
  ed25519PublicKey,
}

/** Replaces the given primitives for the whole process. Call once, at start. */
export function installPrimitives(replacements: Partial<Primitives>): void {
  Object.assign(primitives, replacements)
}
