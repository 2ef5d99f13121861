// A private key under a passphrase: scrypt (RFC 7914) makes the key, AES-256-GCM seals the seed and, as associated data, the
// vkey it belongs to. A blob is, in base64:
//   version 1 | log2 N | r | p | salt (16) | nonce (12) | sealed seed (32) | tag (16)
import { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } from 'node:crypto'
import { concat, encodeUtf8, fromBase64, toBase64 } from '../core/bytes.ts'
import { formatSkey, parseSkey, parseVkey, vkeyOf } from '../core/keys.ts'
import { KeysError } from './errors.ts'

const VERSION = 1
/** 128 MiB and a third of a second: what a guess costs. */
const COST = { log2n: 17, r: 8, p: 1 } as const
/** A file that asks for more is refused: it would cost us gigabytes. */
const MOST = { log2n: 18, r: 8, p: 2 } as const

const HEADER_SIZE = 20
const NONCE_SIZE = 12
const SEED_SIZE = 32
const TAG_SIZE = 16
const BLOB_SIZE = HEADER_SIZE + NONCE_SIZE + SEED_SIZE + TAG_SIZE
const CIPHER = 'aes-256-gcm'

export interface EncryptedKey {
  readonly vkey: string
  /** Base64. */
  readonly blob: string
}

/** The keys under one passphrase and one salt, so that opening them costs one derivation. */
export async function encryptKeys(skeys: readonly string[], passphrase: string): Promise<EncryptedKey[]> {
  const header = concat(Uint8Array.of(VERSION, COST.log2n, COST.r, COST.p), new Uint8Array(randomBytes(16)))
  const key = await deriveKey(passphrase, header)
  return skeys.map((skey) => {
    const vkey = vkeyOf(skey)
    const nonce = new Uint8Array(randomBytes(NONCE_SIZE))
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(concat(header, encodeUtf8(vkey)))
    const sealed = concat(new Uint8Array(cipher.update(parseSkey(skey).seed)), new Uint8Array(cipher.final()))
    return { vkey, blob: toBase64(concat(header, nonce, sealed, new Uint8Array(cipher.getAuthTag()))) }
  })
}

/**
 * The private key as text.
 * @throws KeysError `passphrase_wrong`, also for a blob that was changed or belongs to another vkey
 */
export async function decryptKey({ vkey, blob }: EncryptedKey, passphrase: string): Promise<string> {
  const bytes = parseBlob(blob)
  const header = bytes.subarray(0, HEADER_SIZE)
  const nonce = bytes.subarray(HEADER_SIZE, HEADER_SIZE + NONCE_SIZE)
  const decipher = createDecipheriv(CIPHER, await deriveKey(passphrase, header), nonce)
    .setAAD(concat(header, encodeUtf8(vkey)))
    .setAuthTag(bytes.subarray(BLOB_SIZE - TAG_SIZE))
  let seed: Uint8Array
  try {
    const sealed = bytes.subarray(HEADER_SIZE + NONCE_SIZE, BLOB_SIZE - TAG_SIZE)
    seed = concat(new Uint8Array(decipher.update(sealed)), new Uint8Array(decipher.final()))
  } catch (cause) {
    throw new KeysError(
      'passphrase_wrong',
      'the passphrase does not open the key: it is another one, or the line was changed',
      { cause },
    )
  }
  const { name, type } = parseVkey(vkey)
  return formatSkey({ name, type, seed })
}

/** @throws KeysError `invalid_key_line` for what encryptKeys does not write */
export function parseBlob(blob: string): Uint8Array {
  const refused = (options?: ErrorOptions): KeysError =>
    new KeysError('invalid_key_line', 'the encrypted key is damaged or of a newer version', options)
  let bytes: Uint8Array
  try {
    bytes = fromBase64(blob)
  } catch (cause) {
    throw refused({ cause })
  }
  const [version, log2n = 0, r = 0, p = 0] = bytes
  const bounded = log2n >= 14 && log2n <= MOST.log2n && r >= 1 && r <= MOST.r && p >= 1 && p <= MOST.p
  if (bytes.length !== BLOB_SIZE || version !== VERSION || !bounded) throw refused()
  return bytes
}

/** Keys derived lately, by a hash of what they were derived from: the lines of a file share their salt. */
const derived = new Map<string, Promise<Uint8Array>>()
const MOST_DERIVED = 8

function deriveKey(passphrase: string, header: Uint8Array): Promise<Uint8Array> {
  const name = createHash('sha256').update(header).update(passphrase.normalize('NFC')).digest('base64')
  const known = derived.get(name)
  if (known !== undefined) return known
  const [, log2n = 0, r = 0, p = 0] = header
  const N = 2 ** log2n
  const made = new Promise<Uint8Array>((resolve, reject) => {
    const settings = { N, r, p, maxmem: 256 * N * r }
    scrypt(passphrase.normalize('NFC'), header.subarray(4), 32, settings, (error, key) =>
      error ? reject(error) : resolve(new Uint8Array(key)),
    )
  })
  derived.set(name, made)
  made.catch(() => derived.delete(name))
  for (const oldest of derived.keys()) if (derived.size > MOST_DERIVED) derived.delete(oldest)
  return made
}
