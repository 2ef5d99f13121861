// Disclosures, RFC 9901 §4.2: a salted field that stands in a document only as its digest.
import { fromBase64, toBase64, decodeUtf8, encodeUtf8 } from './bytes.ts'
import { canonicalJson } from './canonical-json.ts'
import { primitives } from './crypto.ts'
import { FormatError } from './errors.ts'
import { parsePart } from './parse-part.ts'

/** What a disclosure says: the claim name is the dotted path of the field. */
export type ParsedDisclosure = { readonly salt: string; readonly path: string; readonly value: unknown }

/** Most characters of a disclosure: a value of 256 KiB, in base64url, with salt and path. */
export const MAX_DISCLOSURE_LENGTH = 400_000

/**
 * The JSON array of a disclosure. RFC 9901 leaves its spelling open; ours is RFC 8785, so that the same field has the same digest
 * however its members were ordered.
 * @param salt base64url of at least 128 random or keyed bits
 * @throws FormatError as canonicalJson
 */
export function disclosureJson(salt: string, path: string, value: unknown): string {
  return `[${canonicalJson(salt)},${canonicalJson(path)},${canonicalJson(value === undefined ? null : value)}]`
}

/** @throws FormatError as canonicalJson */
export function formatDisclosure(salt: string, path: string, value: unknown): string {
  return toBase64url(encodeUtf8(disclosureJson(salt, path, value)))
}

/**
 * Reads a disclosure of an object member, in any spelling that RFC 9901 §4.2.1 allows.
 * @throws FormatError `invalid_disclosure`
 */
export function parseDisclosure(text: string): ParsedDisclosure {
  if (text.length > MAX_DISCLOSURE_LENGTH)
    throw invalid(`${text.length} characters; at most ${MAX_DISCLOSURE_LENGTH} are allowed`)
  const json = parsePart('invalid_disclosure', 'A disclosure', () => decodeUtf8(fromBase64url(text)))
  const parts = parseJson(json)
  if (!Array.isArray(parts) || parts.length !== 3) throw invalid('it is no array of salt, name and value')
  const [salt, path, value] = parts as [unknown, unknown, unknown]
  if (typeof salt !== 'string' || typeof path !== 'string')
    throw invalid('salt and name are not both strings')
  if (path === '_sd' || path === '...') throw invalid('its name is one that RFC 9901 reserves')
  return { salt, path, value }
}

/** RFC 9901 §4.2.3: base64url of the SHA-256 of the disclosure's characters. */
export function disclosureDigest(text: string): string {
  return toBase64url(primitives.sha256(encodeUtf8(text)))
}

/** base64url without padding (RFC 4648 §5). */
export function toBase64url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/**
 * @throws FormatError `invalid_base64` for anything {@link toBase64url} does not write
 */
export function fromBase64url(text: string): Uint8Array {
  if (/[^A-Za-z0-9_-]/.test(text)) {
    throw new FormatError(
      'invalid_base64',
      'Not base64url: use A-Z a-z 0-9 - _ without padding (RFC 4648 §5).',
    )
  }
  const padding = '='.repeat((4 - (text.length % 4)) % 4)
  return fromBase64(text.replaceAll('-', '+').replaceAll('_', '/') + padding)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('it holds no JSON')
  }
}

function invalid(what: string): FormatError {
  return new FormatError('invalid_disclosure', `Not a disclosure: ${what}.`)
}
