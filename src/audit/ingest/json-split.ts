// Where the values of a JSON text begin and end, found without parsing them: each record can then be parsed on its own, with its
// very bytes at hand, so that a broken one costs only itself. Only brackets and strings are looked at; whether what stands
// between them is JSON is for the parser to say.

/** From `start` up to, but without, `end`. */
export interface Span {
  readonly start: number
  readonly end: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const NEWLINE = 0x0a

/** The first byte at or after `at` that is no JSON white space; the length if there is none. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let i = at
  while (i < bytes.length && isSpace(bytes[i])) i++
  return i
}

export function isObjectAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === OPEN_OBJECT
}

export function isArrayAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === OPEN_ARRAY
}

/** Where the array or object that begins at `start` ends, or -1 if its brackets do not close. */
export function endOfBrackets(bytes: Uint8Array, start: number): number {
  let depth = 0
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      i = endOfString(bytes, i) - 1
      if (i < 0) return -1
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) && --depth === 0) return i + 1
  }
  return -1
}

/**
 * The elements of the array that begins at `start`, without the white space around them, and where the array ends.
 * Undefined if its brackets do not close or an element is missing between two commas.
 */
export function elementsOf(
  bytes: Uint8Array,
  start: number,
): { readonly elements: readonly Span[]; readonly end: number } | undefined {
  const elements: Span[] = []
  let depth = 0
  let from = start + 1
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      i = endOfString(bytes, i) - 1
      if (i < 0) return undefined
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++
    else if (byte === COMMA && depth === 1) {
      const element = trimmed(bytes, from, i)
      if (!element) return undefined
      elements.push(element)
      from = i + 1
    } else if ((byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) && --depth === 0) {
      if (byte !== CLOSE_ARRAY) return undefined
      const element = trimmed(bytes, from, i)
      if (element) elements.push(element)
      else if (elements.length > 0) return undefined
      return { elements, end: i + 1 }
    }
  }
  return undefined
}

/** A member of an object: its name as it is spelled, without the quotes, and its value. `whole` has both. */
export interface Member {
  readonly name: string
  readonly value: Span
  readonly whole: Span
}

/** The members of the object that begins at `start`, and where it ends. Undefined if it cannot be split into members. */
export function membersOf(
  bytes: Uint8Array,
  start: number,
): { readonly members: readonly Member[]; readonly end: number } | undefined {
  const members: Member[] = []
  let at = skipSpace(bytes, start + 1)
  if (bytes[at] === CLOSE_OBJECT) return { members, end: at + 1 }
  while (bytes[at] === QUOTE) {
    const nameEnd = endOfString(bytes, at)
    if (nameEnd < 0) return undefined
    const colon = skipSpace(bytes, nameEnd)
    if (bytes[colon] !== COLON) return undefined
    const valueStart = skipSpace(bytes, colon + 1)
    const valueEnd = endOfValue(bytes, valueStart)
    if (valueEnd <= valueStart) return undefined
    members.push({
      name: asText(bytes, at + 1, nameEnd - 1),
      value: { start: valueStart, end: valueEnd },
      whole: { start: at, end: valueEnd },
    })
    const next = skipSpace(bytes, valueEnd)
    if (bytes[next] === CLOSE_OBJECT) return { members, end: next + 1 }
    if (bytes[next] !== COMMA) return undefined
    at = skipSpace(bytes, next + 1)
  }
  return undefined
}

/**
 * Objects one after the other, with or without white space between them. What is no object is one span up to the end of its line;
 * an object that does not close is one span up to the end.
 */
export function concatenated(bytes: Uint8Array, from: number): Span[] {
  const spans: Span[] = []
  let at = skipSpace(bytes, from)
  while (at < bytes.length) {
    const end = isObjectAt(bytes, at) ? endOfBrackets(bytes, at) : endOfLine(bytes, at)
    const span = trimmed(bytes, at, end < 0 ? bytes.length : end)
    if (span) spans.push(span)
    at = skipSpace(bytes, end < 0 ? bytes.length : end)
  }
  return spans
}

/** The lines that hold anything but white space, without the white space around them. */
export function linesOf(bytes: Uint8Array, from: number): Span[] {
  const spans: Span[] = []
  let at = from
  while (at < bytes.length) {
    const end = endOfLine(bytes, at)
    const span = trimmed(bytes, at, end)
    if (span) spans.push(span)
    at = end + 1
  }
  return spans
}

function endOfLine(bytes: Uint8Array, at: number): number {
  const newline = bytes.indexOf(NEWLINE, at)
  return newline < 0 ? bytes.length : newline
}

function endOfValue(bytes: Uint8Array, start: number): number {
  const first = bytes[start]
  if (first === QUOTE) return endOfString(bytes, start)
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return endOfBrackets(bytes, start)
  let i = start
  while (i < bytes.length && bytes[i] !== COMMA && bytes[i] !== CLOSE_OBJECT && !isSpace(bytes[i])) i++
  return i
}

/** After the closing quote of the string whose opening quote is at `start`, or -1. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let i = start + 1; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === BACKSLASH) i++
    else if (byte === QUOTE) return i + 1
  }
  return -1
}

function trimmed(bytes: Uint8Array, from: number, to: number): Span | undefined {
  let start = from
  let end = to
  while (start < end && isSpace(bytes[start])) start++
  while (end > start && isSpace(bytes[end - 1])) end--
  return start < end ? { start, end } : undefined
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function asText(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}
