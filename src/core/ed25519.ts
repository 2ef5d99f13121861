// Ed25519 (RFC 8032) in plain JavaScript. Verification follows ref10, as Go, OpenSSL and dalek do, because every
// verifier of a checkpoint has to answer alike: @noble's own verify() disagrees with them on hundreds of the 914 CCTV edge cases.
import { getPublicKey, hashes, Point, sign } from '@noble/ed25519'
import { sha512 } from '@noble/hashes/sha2.js'
import { concat, equalBytes, toHex } from './bytes.ts'

/**
 * Whether `signature` (64 bytes) is `publicKey`'s (32 bytes) over `message`: S < L, A decoded permissively (y is taken
 * modulo p), and the canonical encoding of [S]B - [k]A equal to R as bytes, without cofactor. Wrong lengths give false.
 */
export function ed25519Verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false
  const order = Point.CURVE().n
  const r = signature.subarray(0, 32)
  const s = littleEndian(signature.subarray(32))
  const a = decodePoint(publicKey)
  if (s >= order || a === undefined) return false
  const k = littleEndian(sha512(concat(r, publicKey, message))) % order
  const expected = Point.BASE.multiply(s, false).subtract(a.multiply(k, false))
  return equalBytes(expected.toBytes(), r)
}

/** Signature (64 bytes) of `message` by the key grown from `seed` (32 bytes). */
export function ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  hashes.sha512 = sha512
  return sign(message, seed)
}

/** Public key (32 bytes) of the key grown from `seed` (32 bytes). */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  hashes.sha512 = sha512
  return getPublicKey(seed)
}

function decodePoint(bytes: Uint8Array): Point | undefined {
  try {
    return Point.fromBytes(bytes, true)
  } catch {
    return undefined // not on the curve
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.toReversed())}`)
}
