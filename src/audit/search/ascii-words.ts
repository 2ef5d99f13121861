// The words of ASCII text, by one look at each byte: what the expressions of words.ts find, without a string for each.

/** A word, from `start` to `end` (exclusive) of the text. */
export type VisitWord = (start: number, end: number) => void

/** Between chunks: blanks, quotes, brackets. */
const GAP = 0
/** Within a chunk, but of no piece. */
const MARK = 1
/** Joins words to a piece. */
const JOINT = 2
/** Of a word. */
const LETTER = 3
const KINDS = new Uint8Array(128).fill(MARK)
for (const char of ' \t\n\v\f\r"\'`()[]{}<>|,;') KINDS[char.charCodeAt(0)] = GAP
for (const char of '._-') KINDS[char.charCodeAt(0)] = JOINT
for (const char of 'abcdefghijklmnopqrstuvwxyz0123456789') KINDS[char.charCodeAt(0)] = LETTER

/**
 * Writes `text` in lower case to `into` from `at` on, if it is ASCII and there is room.
 * @returns whether it is
 */
export function writeAscii(text: string, into: Uint8Array, at: number): boolean {
  const { length } = text
  if (at + length > into.length) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return false
    into[at + i] = code >= 0x41 && code <= 0x5a ? code | 0x20 : code
  }
  return true
}

/** Visits the words of a text in lower case: chunks, pieces of them, and words of those; where they are the same, once. */
export function visitAsciiWords(text: Uint8Array, from: number, to: number, visit: VisitWord): void {
  for (let at = from; at < to;) {
    while (at < to && kindAt(text, at) === GAP) at++
    const start = at
    while (at < to && kindAt(text, at) !== GAP) at++
    if (at > start) visitChunk(text, start, at, visit)
  }
}

/** Whether the text is one chunk of a letter or more: to be found whole. */
export function isOneChunk(text: Uint8Array, from: number, to: number): boolean {
  let letters = false
  for (let at = from; at < to; at++) {
    const kind = kindAt(text, at)
    if (kind === GAP) return false
    letters ||= kind === LETTER
  }
  return letters
}

function visitChunk(text: Uint8Array, from: number, to: number, visit: VisitWord): void {
  const start = firstLetter(text, from, to)
  if (start === to) return
  const end = afterLastLetter(text, start, to)
  visit(start, end)
  for (let at = start; at < end;) {
    while (at < end && kindAt(text, at) < JOINT) at++
    const piece = at
    while (at < end && kindAt(text, at) >= JOINT) at++
    const first = firstLetter(text, piece, at)
    if (first < at)
      visitPiece(text, first, afterLastLetter(text, first, at), first === start && at >= end, visit)
  }
}

/** @param whole it is the chunk, which was visited */
function visitPiece(text: Uint8Array, from: number, to: number, whole: boolean, visit: VisitWord): void {
  if (!whole) visit(from, to)
  for (let at = from; at < to;) {
    const start = at
    while (at < to && kindAt(text, at) === LETTER) at++
    if (at > start && (start > from || at < to)) visit(start, at)
    while (at < to && kindAt(text, at) !== LETTER) at++
  }
}

/** The first letter of the text without its edges; `to` when it has none. */
export function firstLetter(text: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && kindAt(text, at) !== LETTER) at++
  return at
}

/** @param from of a letter */
export function afterLastLetter(text: Uint8Array, from: number, to: number): number {
  let at = to
  while (at > from && kindAt(text, at - 1) !== LETTER) at--
  return at
}

function kindAt(text: Uint8Array, at: number): number {
  return KINDS[text[at] ?? 0] ?? MARK
}
