// Query parameters, read strictly: each known, given once, in canonical form. A typo is an error, not a default.
import type { Context } from 'hono'
import { fromHex, parseDecimal } from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'
import { HASH_SIZE, type Hash } from '../core/hash.ts'
import { HttpError } from './errors.ts'

export type Query<Name extends string> = Readonly<Partial<Record<Name, string>>>

/** @throws HttpError `invalid_parameter` for an unknown or repeated parameter */
export function readQuery<Name extends string>(c: Context, names: readonly Name[]): Query<Name> {
  const { url } = c.req.raw
  const at = url.indexOf('?')
  const found: Partial<Record<Name, string>> = {}
  if (at === -1) return found
  for (const [key, value] of new URLSearchParams(url.slice(at + 1))) {
    const name = names.find((known) => known === key)
    if (name === undefined)
      throw invalid(`unknown parameter ${JSON.stringify(key)}; known here: ${names.join(', ') || 'none'}`)
    if (found[name] !== undefined) throw invalid(`parameter ${name} is given twice`)
    found[name] = value
  }
  return found
}

/**
 * A canonical decimal between `min` and `max`.
 * @throws HttpError `invalid_parameter`, also when it is missing and there is no `fallback`
 */
export function numberOf(
  name: string,
  text: string | undefined,
  {
    min = 0,
    max = Number.MAX_SAFE_INTEGER,
    fallback,
  }: { min?: number; max?: number; fallback?: number } = {},
): number {
  if (text === undefined) {
    if (fallback === undefined) throw invalid(`parameter ${name} is missing`)
    return fallback
  }
  const value = decimal(name, text)
  if (value < min || value > max) throw invalid(`${name} must lie between ${min} and ${max}`)
  return value
}

/** Hex (64 lower-case digits) or padded standard base64 (44 characters; `+` is `%2B` in a URL). @throws HttpError `invalid_parameter` */
export function hashOf(name: string, text: string): Hash {
  if (/^[0-9a-f]{64}$/.test(text)) return fromHex(text)
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  if (bytes.length !== HASH_SIZE || Buffer.from(bytes).toString('base64') !== text) {
    throw invalid(
      `${name} must be a hash of 32 bytes in hex (64 lower-case digits) or base64 (44 characters, "+" written %2B)`,
    )
  }
  return bytes
}

function decimal(name: string, text: string): number {
  try {
    return parseDecimal(text)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw invalid(`${name} must be a decimal number without sign, point or leading zero, below 2^53`)
  }
}

export function invalid(message: string): HttpError {
  return new HttpError('invalid_parameter', message)
}
