// The key of one subject, and what is derived from it. Once its 32 bytes are destroyed, no salt, no id and no ciphertext of the
// subject can be computed again, whatever else is known.
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import { AuditError } from '../event/errors.ts'
import { MacKey } from './hmac.ts'
import type { Kek } from './key-file.ts'
import { openBytes, sealBytes } from './wrap.ts'

export interface SubjectKey {
  readonly subjectId: number
  /** Its name in leaves. */
  readonly ref: string
  /** Encrypts disclosures. */
  readonly sealing: KeyObject
  /** Salts of disclosures come from it. */
  readonly salting: MacKey
  /** Ids of events that came without one come from it. */
  readonly naming: MacKey
}

/** Where the wrapped key of a subject belongs: it opens nowhere else. */
export interface SubjectPlace {
  readonly logId: number
  readonly ref: string
}

export function wrapSubjectKey(kek: Kek, place: SubjectPlace, key: Uint8Array): Buffer {
  return sealBytes(kek.key, key, bindingOf(place))
}

/** @throws AuditError `vault_damaged` naming the ref */
export function unwrapSubjectKey(kek: Kek, place: SubjectPlace, wrapped: Uint8Array): Buffer {
  try {
    return openBytes(kek.key, wrapped, bindingOf(place))
  } catch {
    throw new AuditError(
      'vault_damaged',
      `the key of subject ${place.ref} was changed in the database: restore its row in vault.subject_keys from a backup`,
      { ref: place.ref },
    )
  }
}

/** @param key 32 bytes, not kept */
export function deriveSubjectKey(subjectId: number, ref: string, key: Uint8Array): SubjectKey {
  const derive = (purpose: string): Buffer => createHmac('sha256', key).update(purpose).digest()
  return {
    subjectId,
    ref,
    sealing: createSecretKey(derive('sealing')),
    salting: new MacKey(derive('salting')),
    naming: new MacKey(derive('naming')),
  }
}

/**
 * The secret from which the salts of one event of a subject come. The source counts: a sender who guesses the id of another's
 * event would otherwise get its salts, and with them an answer to any guess of its values.
 */
export function eventSecret({ salting }: SubjectKey, source: string, id: string): string {
  return salting.ofText(`${source.length}:${source}${id}`)
}

/** The characters of base64url; each group of 16 begins with one whose last four bits are 0. */
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * 128 bits, base64url: the first 16 bytes of the hash. Cut from its text, which takes half as long as cutting its bytes: 21
 * characters are 126 bits, and the next one gives two more.
 * @param secret of {@link eventSecret}: always 43 characters, so that no two paths meet
 */
export function saltOf(secret: string, path: string): string {
  const text = hash('sha256', secret + path, 'base64url')
  return text.slice(0, 21) + BASE64URL.charAt(BASE64URL.indexOf(text.charAt(21)) & 0b110000)
}

/**
 * The id of an event that came without one: the same for the same bytes while all the keys live, and nobody's guess can be held
 * against it once any of them is gone. Without a subject nothing in it is personal, and the hash is a plain one.
 */
export function namelessId(keys: readonly SubjectKey[], bytes: Uint8Array): string {
  const parts = keys.map(({ naming }) => naming.ofBytes(bytes))
  const digest = hash('sha256', keys.length === 0 ? bytes : Buffer.concat(parts), 'hex')
  return `~${Buffer.from(digest.slice(0, 32), 'hex').toString('base64url')}`
}

function bindingOf({ logId, ref }: SubjectPlace): Buffer {
  return Buffer.from(`subject\0${logId}\0${ref}`)
}
