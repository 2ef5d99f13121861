// RFC 8785, the JSON Canonicalization Scheme: one text for one value, so that a hash of it means the value.
import { FormatError } from './errors.ts'

/** Deeper than any document of ours; what comes from outside was bounded before (audit/event). */
const MAX_NESTING = 128

// What a string may hold to be written as it is: no control characters, no quote, no backslash, no surrogates.
const NOT_PLAIN = /[^ !#-[\]-\uD7FF\uE000-\uFFFF]/
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * RFC 8785 text of a JSON value. Members that are undefined are left out, as JSON.stringify does.
 * @throws FormatError `invalid_utf8` for a lone surrogate; `invalid_number` for NaN and infinities; `invalid_json` for what
 * JSON has no word for, and for more than 128 levels
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0)
}

function write(value: unknown, depth: number): string {
  if (typeof value === 'string') return writeString(value)
  if (typeof value === 'number') {
    // ECMAScript's own formatting is that of RFC 8785 §3.2.2.3; minus zero is written 0.
    if (Number.isFinite(value)) return String(value)
    throw new FormatError('invalid_number', 'JSON has neither NaN nor infinities.')
  }
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (value === null) return 'null'
  if (typeof value !== 'object') throw notJson(`a value of type ${typeof value}`)
  if (depth === MAX_NESTING) throw notJson(`nested deeper than ${MAX_NESTING} levels`)
  return Array.isArray(value) ? writeArray(value, depth + 1) : writeObject(value, depth + 1)
}

function writeArray(values: readonly unknown[], depth: number): string {
  let text = '['
  for (let i = 0; i < values.length; i++) text += (i === 0 ? '' : ',') + write(values[i], depth)
  return `${text}]`
}

function writeObject(value: object, depth: number): string {
  const members = value as Readonly<Record<string, unknown>>
  let text = '{'
  // The default order of sort() is that of UTF-16 code units, as RFC 8785 §3.2.3 asks.
  for (const name of Object.keys(members).sort()) {
    const member = members[name]
    if (member === undefined) continue
    text += (text.length === 1 ? '' : ',') + writeString(name) + ':' + write(member, depth)
  }
  return `${text}}`
}

function writeString(text: string): string {
  if (!NOT_PLAIN.test(text)) return `"${text}"`
  if (!LONE_SURROGATE.test(text)) return JSON.stringify(text) // the escapes of RFC 8785 §3.2.2.2 are ECMAScript's
  throw new FormatError(
    'invalid_utf8',
    'A string holds half of a surrogate pair, which UTF-8 cannot express.',
  )
}

function notJson(what: string): FormatError {
  return new FormatError('invalid_json', `Not JSON: ${what}.`)
}
