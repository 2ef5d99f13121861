// The bodies of POST entries. All or nothing: one bad line refuses the batch before anything is stored.
import { MAX_ENTRY_SIZE, parseBundle } from '../core/bundle.ts'
import { encodeUtf8 } from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'
import { HttpError } from './errors.ts'
import { parseJson } from './json-body.ts'

/** Entries of one request at most: what one transaction takes. */
export const MAX_BATCH = 8_192

const NEWLINE = 10
const NOTHING_STORED = 'nothing of this request was stored'

/** `{"entry": "<base64>"}` or `{"text": "<its UTF-8 is the entry>"}`. @throws HttpError `invalid_body`, `entry_too_large` */
export function parseJsonEntry(bytes: Uint8Array): Uint8Array {
  const entry = entryOf(parseJson(bytes))
  if (entry.length > MAX_ENTRY_SIZE) {
    throw new HttpError('entry_too_large', `the entry has ${entry.length} bytes; ${NOTHING_STORED}`)
  }
  return entry
}

/** One such object per line; the last line may lack its newline. @throws HttpError `invalid_line`, `entry_too_large`, `batch_too_large`: all name the line, from 1 */
export function parseLines(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = []
  let start = 0
  while (start < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, start)
    const end = newline === -1 ? bytes.length : newline
    const line = entries.length + 1
    if (line > MAX_BATCH) {
      throw new HttpError(
        'batch_too_large',
        `more than ${MAX_BATCH} lines: send several requests; ${NOTHING_STORED}`,
        { line },
      )
    }
    entries.push(parseLine(bytes.subarray(start, end), line))
    start = end + 1
  }
  if (entries.length === 0)
    throw new HttpError('invalid_body', 'the body has no line: send at least one entry')
  return entries
}

/** An entry bundle as in c2sp.org/tlog-tiles: each entry after its length in two bytes. @throws HttpError `invalid_bundle`, `batch_too_large` */
export function parseBundleBody(bytes: Uint8Array): Uint8Array[] {
  try {
    const entries = parseBundle(bytes, { maxEntries: MAX_BATCH })
    if (entries.length > 0) return entries
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new HttpError('invalid_bundle', `${error.message} ${NOTHING_STORED}`, error.evidence)
  }
  throw new HttpError('invalid_body', 'the bundle is empty: send at least one entry')
}

function parseLine(bytes: Uint8Array, line: number): Uint8Array {
  try {
    return parseJsonEntry(bytes)
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    const code = error.code === 'entry_too_large' ? error.code : 'invalid_line'
    throw new HttpError(
      code,
      `line ${line}: ${error.message.replace(`; ${NOTHING_STORED}`, '')}; ${NOTHING_STORED}`,
      { line },
    )
  }
}

function entryOf(value: unknown): Uint8Array {
  const members =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
  const [name, content] = members[0] ?? []
  if (members.length === 1 && typeof content === 'string') {
    if (name === 'entry') return fromStrictBase64(content)
    if (name === 'text') return utf8Of(content)
  }
  throw new HttpError(
    'invalid_body',
    'an entry is a JSON object with exactly one member, {"entry": "<base64>"} or {"text": "…"}',
  )
}

function fromStrictBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) {
    throw new HttpError('invalid_body', 'entry is not canonical, padded base64 (RFC 4648 §4)')
  }
  return bytes
}

function utf8Of(text: string): Uint8Array {
  try {
    return encodeUtf8(text)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new HttpError('invalid_body', 'text holds half of a surrogate pair, which UTF-8 cannot express')
  }
}
