// core's primitives from node:crypto, four times as fast as @noble at SHA-256 and ten times at verifying Ed25519,
// with the same answers on every edge case (test/core/crypto.test.ts).
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import { installPrimitives, type Primitives } from './core/crypto.ts'
import { ed25519PublicKey } from './core/ed25519.ts'

// RFC 8410: what stands before the 32 bytes of an Ed25519 public key (SPKI) and seed (PKCS #8) in DER.
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** A witness knows thousands of logs; a key takes some 300 bytes. */
const MAX_PUBLIC_KEYS = 4_096
const publicKeys = new Map<string, KeyObject>()

/** The primitives of {@link installNodeCrypto}, without installing them. */
export const nodePrimitives: Omit<Primitives, 'mlDsa44'> = {
  sha256: sha256OfNode,
  ed25519Verify: verifyWithNode,
  ed25519Sign: signWithNode,
  // Deriving a public key happens once per key: not worth a second implementation.
  ed25519PublicKey,
}

/** Makes core compute with node:crypto, for the whole process. */
export function installNodeCrypto(): void {
  installPrimitives(nodePrimitives)
}

// Asking for a string and unpacking it is 2.4 times as fast as asking for a Buffer (2,500,000 against 1,040,000 hashes of
// 65 bytes per second on Node 20): the allocation costs more than SHA-256. 'binary' is one character per byte.
function sha256OfNode(data: Uint8Array): Uint8Array {
  const digest = hash('sha256', data, 'binary')
  const bytes = new Uint8Array(32)
  for (let i = 0; i < 32; i++) bytes[i] = digest.charCodeAt(i)
  return bytes
}

function verifyWithNode(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  return publicKey.length === 32 && verify(null, message, importPublicKey(publicKey), signature)
}

// Importing a key costs as much as verifying with it, and a log, its witnesses and its mirrors have few.
function importPublicKey(publicKey: Uint8Array): KeyObject {
  const name = Buffer.from(publicKey).toString('hex')
  const known = publicKeys.get(name)
  if (known) return known
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' })
  if (publicKeys.size >= MAX_PUBLIC_KEYS) publicKeys.clear()
  publicKeys.set(name, key)
  return key
}

// Importing a key costs as much as signing with it; a signer keeps its seed as long as itself.
const privateKeys = new WeakMap<Uint8Array, KeyObject>()

function signWithNode(seed: Uint8Array, message: Uint8Array): Uint8Array {
  if (seed.length !== 32) throw new RangeError(`an Ed25519 seed is 32 bytes, not ${seed.length}`)
  const key = privateKeys.get(seed) ?? importSeed(seed)
  privateKeys.set(seed, key)
  return new Uint8Array(sign(null, message, key))
}

function importSeed(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
}
