// JSON in which nothing is ambiguous: RFC 8259 within I-JSON (RFC 7493). JSON.parse is several times faster than any parser
// written in JavaScript, so it does the work, and one walk over its result finds out whether it lost anything.
import { UnreadableEvent } from './errors.ts'
import { parseExactly } from './exact-json.ts'
import { loneSurrogate, wellFormed } from './surrogates.ts'
import type { Json } from './types.ts'
import { MAX_DEPTH } from './types.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const COLON = 0x3a
/** What the walk found, beside what it refuses. */
type Found = { members: number; colons: number; inexact: boolean }

/**
 * Parses JSON from UTF-8.
 * Plain integers beyond ±(2^53-1) become strings, spelled as they were sent; other numbers are the nearest double.
 * @param maxDepth nesting of arrays and objects at most
 * @throws UnreadableEvent `not_utf8`, `not_json`, `duplicate_name`, `lone_surrogate`, `unsafe_number`, `too_deep`
 */
export function parseStrictJson(bytes: Uint8Array, maxDepth: number = MAX_DEPTH): Json {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    throw new UnreadableEvent('not_utf8', 'The bytes are not UTF-8.')
  }
  return parseStrictText(text, maxDepth)
}

/**
 * The same, of text; one that UTF-8 cannot express is refused.
 * @throws UnreadableEvent as parseStrictJson, but for `not_utf8`
 */
export function parseStrictText(text: string, maxDepth: number = MAX_DEPTH): Json {
  if (!text.isWellFormed()) throw loneSurrogate()
  const json = parse(text)
  const found: Found = { members: 0, colons: 0, inexact: false }
  walk(json, maxDepth, found)
  const escaped = text.includes('\\')
  // A text has as many colons as members, and those in its strings. JSON.parse drops a member whose name comes again, with the
  // colon after the name: so nothing was dropped if the numbers agree. An escaped colon would upset the sum.
  const exact =
    !found.inexact && found.members + found.colons === colonsOf(text) && !(escaped && /\\u003a/i.test(text))
  if (!exact) return parseExactly(text)
  // The text has no lone surrogates: only an escape can make one.
  if (escaped && /\\ud/i.test(text) && !wellFormed(json)) throw loneSurrogate()
  return json
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    const bom = text.startsWith('\uFEFF') ? ' It begins with a byte order mark: leave it out.' : ''
    throw new UnreadableEvent('not_json', `This is not JSON.${bom}`)
  }
}

function walk(value: Json, levels: number, found: Found): void {
  if (typeof value === 'string') found.colons += colonsOf(value)
  else if (typeof value === 'number') {
    if (value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER) found.inexact = true
  } else if (typeof value === 'object' && value !== null) {
    if (levels === 0) throw new UnreadableEvent('too_deep', 'Arrays and objects are nested too deep.')
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) walk(value[i], levels - 1, found)
      return
    }
    const members = value as { readonly [name: string]: Json }
    const names = Object.keys(members)
    found.members += names.length
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string
      found.colons += colonsOf(name)
      walk(members[name] as Json, levels - 1, found)
    }
  }
}

function colonsOf(text: string): number {
  let count = 0
  if (text.length < 24) {
    // For short strings a loop is faster than the call.
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === COLON) count += 1
    return count
  }
  for (let at = text.indexOf(':'); at >= 0; at = text.indexOf(':', at + 1)) count += 1
  return count
}
