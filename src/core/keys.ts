// Keys of signed notes as text: verifier keys of https://c2sp.org/signed-note and the private form that
// golang.org/x/mod/sumdb/note reads and writes.
import { concat, encodeUtf8, fromBase64, readU32, toBase64, writeU32, toHex } from './bytes.ts'
import { primitives } from './crypto.ts'
import { FormatError, SignatureError } from './errors.ts'
import { parsePart } from './parse-part.ts'

/** 0x01 Ed25519 over the text, 0x04 Ed25519 cosignature with a time, 0x06 ML-DSA-44 cosignature with a time. */
export type KeyType = 0x01 | 0x04 | 0x06
/** A key that verifies; `keyId` is an unsigned 32-bit number, `publicKey` 32 bytes (0x06: 1312). */
export type VerificationKey = {
  readonly name: string
  readonly keyId: number
  readonly type: KeyType
  readonly publicKey: Uint8Array
  readonly vkey: string
}
/** A key that signs. `seed` is 32 bytes for every type. */
export type SecretKey = { readonly name: string; readonly type: KeyType; readonly seed: Uint8Array }

/** Longest key name in UTF-8 bytes: the signed message of 0x06 holds it behind a one-byte length. */
const MAX_KEY_NAME_SIZE = 255
type KeyErrorCode = 'invalid_vkey' | 'invalid_skey'

const SEED_SIZE = 32
const MAX_KEY_TEXT = 4_096
const SKEY_PREFIX = 'PRIVATE+KEY+'

/** Whether `name` may stand in a signature line: not empty, no Unicode space, no plus, no control character. */
export function validKeyName(name: string): boolean {
  return name !== '' && !/[\p{White_Space}\p{Surrogate}+]/u.test(name) && !hasControl(name)
}

/** The first four bytes of SHA-256(name || LF || type || public key), as a number (signed-note, "Signatures"). */
export function keyId(name: string, type: KeyType, publicKey: Uint8Array): number {
  return readU32(primitives.sha256(concat(encodeUtf8(`${name}\n`), Uint8Array.of(type), publicKey)), 0)
}

/**
 * `<name>+<hex of the key ID>+<base64 of type and public key>`.
 * @throws FormatError invalid_vkey for a name or a public key that cannot be in one.
 */
export function formatVkey(name: string, type: KeyType, publicKey: Uint8Array): string {
  checkName('invalid_vkey', name)
  const size = publicKeySize(type)
  if (publicKey.length !== size) {
    throw refused('invalid_vkey', `the public key of type ${type} has ${publicKey.length} bytes, not ${size}`)
  }
  return joinKey(name, keyId(name, type, publicKey), type, publicKey)
}

/**
 * The key that `text` holds. Strict: any text but the one that formatVkey would write for it is refused, so the key ID is
 * always the recommended one.
 * @throws FormatError invalid_vkey
 */
export function parseVkey(text: string): VerificationKey {
  const { name, type, material } = splitKey('invalid_vkey', text)
  const vkey = formatVkey(name, type, material)
  if (vkey !== text) throw refused('invalid_vkey', `the key ID of ${quote(name)} is wrong`)
  return { name, keyId: keyId(name, type, material), type, publicKey: material, vkey }
}

/**
 * `PRIVATE+KEY+<name>+<hex of the key ID>+<base64 of type and seed>`: secret, never to be logged.
 * @throws FormatError invalid_skey; SignatureError algorithm_unavailable for 0x06 without ML-DSA installed.
 */
export function formatSkey({ name, type, seed }: SecretKey): string {
  checkName('invalid_skey', name)
  if (seed.length !== SEED_SIZE) {
    throw refused('invalid_skey', `the seed has ${seed.length} bytes, not ${SEED_SIZE}`)
  }
  return SKEY_PREFIX + joinKey(name, keyId(name, type, publicKeyOf(type, seed)), type, seed)
}

/**
 * The private key that `text` holds; strict like parseVkey.
 * @throws FormatError invalid_skey (its message holds no part of the text); SignatureError algorithm_unavailable.
 */
export function parseSkey(text: string): SecretKey {
  if (!text.startsWith(SKEY_PREFIX)) {
    throw refused('invalid_skey', `a private key begins with "${SKEY_PREFIX}"`)
  }
  const { name, type, material } = splitKey('invalid_skey', text.slice(SKEY_PREFIX.length))
  const key: SecretKey = { name, type, seed: material }
  if (formatSkey(key) !== text) {
    throw refused('invalid_skey', 'the key ID is not that of its public key')
  }
  return key
}

/** A private key in its text form, from 32 random bytes that the caller brings. @throws like formatSkey */
export function generateSkey(name: string, type: KeyType, seed: Uint8Array): string {
  return formatSkey({ name, type, seed })
}

/** The verifier key of a private key in its text form. @throws like parseSkey */
export function vkeyOf(skey: string): string {
  const { name, type, seed } = parseSkey(skey)
  return formatVkey(name, type, publicKeyOf(type, seed))
}

/**
 * The ML-DSA-44 primitive.
 * @throws SignatureError algorithm_unavailable unless it was installed (`prooflog/core/ml-dsa`).
 */
export function requireMlDsa(what: string): NonNullable<typeof primitives.mlDsa44> {
  if (primitives.mlDsa44) return primitives.mlDsa44
  throw new SignatureError(
    'algorithm_unavailable',
    `${what} needs ML-DSA-44, which is not installed; call installMlDsa() of prooflog/core/ml-dsa first.`,
  )
}

/** A name as it may stand in a message: escaped, and cut when it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

/** Whether `text` holds a byte below 0x20 in UTF-8, LF included. */
export function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20) return true
  return false
}

function publicKeyOf(type: KeyType, seed: Uint8Array): Uint8Array {
  return type === 0x06
    ? requireMlDsa('A key of type 0x06').publicKey(seed)
    : primitives.ed25519PublicKey(seed)
}

function publicKeySize(type: KeyType): number {
  return type === 0x06 ? 1312 : 32
}

function joinKey(name: string, id: number, type: KeyType, material: Uint8Array): string {
  return `${name}+${toHex(writeU32(id))}+${toBase64(concat(Uint8Array.of(type), material))}`
}

// The key ID in the middle is not read here: whoever calls formats again and compares. Base64 may hold a plus, a name may not.
function splitKey(code: KeyErrorCode, text: string): { name: string; type: KeyType; material: Uint8Array } {
  if (text.length > MAX_KEY_TEXT) throw refused(code, `a key has at most ${MAX_KEY_TEXT} characters`)
  const [name, id, ...rest] = text.split('+')
  if (name === undefined || id === undefined || rest.length === 0) {
    throw refused(code, 'a key is name+id+base64; a plus is missing')
  }
  const bytes = parsePart(code, 'Key material', () => fromBase64(rest.join('+')))
  const type = bytes[0]
  if (type !== 0x01 && type !== 0x04 && type !== 0x06) {
    throw refused(code, `the key type is ${type ?? 'missing'}; 1, 4 and 6 are known`)
  }
  return { name, type, material: bytes.slice(1) }
}

// The name is not repeated in the message: in a mangled private key anything may stand in its place.
function checkName(code: KeyErrorCode, name: string): void {
  if (!validKeyName(name)) {
    throw refused(code, 'its name is empty or holds a space, a plus or a control character')
  }
  const size = encodeUtf8(name).length
  if (size > MAX_KEY_NAME_SIZE) {
    throw refused(code, `its name has ${size} bytes; at most ${MAX_KEY_NAME_SIZE}`)
  }
}

function refused(code: KeyErrorCode, what: string): FormatError {
  return new FormatError(code, `Not a ${code === 'invalid_vkey' ? 'verifier' : 'private'} key: ${what}.`)
}
