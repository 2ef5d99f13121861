// The text of an API key: `plog_<id>_<secret>_<checksum>`, all base62. A leaked key is recognised without the database:
// KEY_PATTERN finds it in any text, the CRC-32 of what stands before it tells a key from a look-alike.
import { hash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { AccessError } from './errors.ts'

/** For secret scanners; every match whose checksum is right is a key of some prooflog. */
export const KEY_PATTERN = /\bplog_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\b/

/** What cannot be an id is not looked for. */
export const KEY_ID = /^[0-9A-Za-z]{12}$/

export interface ParsedKey {
  /** Public; names the key in lists and logs. */
  readonly id: string
  /** SHA-256 of the secret, 32 bytes. */
  readonly digest: Uint8Array
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const WHOLE_KEY = new RegExp(`^${KEY_PATTERN.source}$`)
const KEY_LENGTH = 'plog_'.length + 12 + 1 + 43 + 1 + 6

/** A new key: 12 random characters of id, 43 of secret (62^43 > 2^256). */
export function generateKey(): { readonly key: string } & ParsedKey {
  const id = randomText(12)
  const secret = randomText(43)
  const body = `plog_${id}_${secret}`
  return { key: `${body}_${checksum(body)}`, id, digest: digestOf(secret) }
}

/** @throws AccessError `key_malformed`; the message never repeats the text */
export function parseKey(text: string): ParsedKey {
  if (text.length !== KEY_LENGTH || !WHOLE_KEY.test(text)) {
    throw new AccessError(
      'key_malformed',
      'the key does not have the form plog_<id>_<secret>_<checksum>: send it whole and unchanged',
    )
  }
  const [, id = '', secret = '', check] = text.split('_')
  if (checksum(`plog_${id}_${secret}`) !== check) {
    throw new AccessError('key_malformed', 'the checksum of the key is wrong: it was truncated or mistyped')
  }
  return { id, digest: digestOf(secret) }
}

/** Plain SHA-256 is right here: the secret has 256 random bits, so there is nothing to guess that a slow hash would protect. */
function digestOf(secret: string): Uint8Array {
  return hash('sha256', secret, 'buffer')
}

/** CRC-32 as 6 base62 digits, most significant first (62^6 > 2^32). */
function checksum(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let i = 0; i < 6; i++) {
    text = ALPHABET.charAt(rest % 62) + text
    rest = Math.floor(rest / 62)
  }
  return text
}

function randomText(length: number): string {
  let text = ''
  for (let i = 0; i < length; i++) text += ALPHABET.charAt(randomInt(62))
  return text
}
