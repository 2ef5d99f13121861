// Disclosures as the server makes and checks them; core/disclosure.ts is the same for verifiers in browsers.
import { hash } from 'node:crypto'
import { disclosureJson } from '../../core/disclosure.ts'
import { AuditError } from './errors.ts'
import type { Disclosure, Envelope, Json } from './types.ts'

export interface DisclosedField {
  readonly path: string
  readonly value: Json
}

/** @param salt base64url of 128 bits */
export function sealField(
  salt: string,
  path: string,
  value: Json,
): { disclosure: Disclosure; digest: string } {
  const disclosure = Buffer.from(disclosureJson(salt, path, value)).toString('base64url')
  return { disclosure, digest: digestOf(disclosure) }
}

/**
 * The fields of disclosures, each of which stands in the envelope, once, under a path of its own.
 * @throws AuditError `not_an_event` when one does not
 */
export function openFields(envelope: Envelope, disclosures: readonly Disclosure[]): DisclosedField[] {
  const hidden = new Set(envelope._sd)
  const paths = new Set<string>()
  return disclosures.map((disclosure) => {
    if (!hidden.delete(digestOf(disclosure))) throw foreign('is not in its entry, or comes twice')
    const { path, value } = parse(disclosure)
    if (paths.has(path)) throw foreign('is of a field that was disclosed before')
    paths.add(path)
    return { path, value: value as Json }
  })
}

function digestOf(disclosure: Disclosure): string {
  return hash('sha256', disclosure, 'base64url')
}

/** Its characters are those that were sealed, for their digest is in the entry; so only their form is looked at. */
function parse(disclosure: Disclosure): { path: string; value: unknown } {
  try {
    const parts = JSON.parse(Buffer.from(disclosure, 'base64url').toString()) as unknown
    if (Array.isArray(parts) && parts.length === 3 && typeof parts[1] === 'string')
      return { path: parts[1], value: parts[2] }
  } catch {
    throw foreign('holds no JSON')
  }
  throw foreign('is no array of salt, path and value')
}

function foreign(what: string): AuditError {
  return new AuditError('not_an_event', `A disclosure ${what}.`)
}
