// What of a text can be searched for: words, and identifiers whole.

import { visitAsciiWords } from './ascii-words.ts'

/** Words of one event at most; more are not found. */
export const MAX_WORDS = 200
const MAX_LENGTH = 64
const MIN_LENGTH = 2

/** What stands between blanks, quotes and brackets. */
const CHUNK = /[^\s"'`()[\]{}<>|,;]+/gu
/** What stands between the marks of URLs, addresses and assignments: `example.com`, `user.login`, `a-b_c`. */
const PIECE = /[\p{L}\p{N}\p{M}._-]+/gu
const WORD = /[\p{L}\p{N}\p{M}]+/gu
const LETTER = /[\p{L}\p{N}]/u

// Most of what is sent is ASCII.
const ASCII = /^[\0-\x7f]*$/

/** As texts are compared. */
export function foldCase(text: string): string {
  return ASCII.test(text) ? text.toLowerCase() : text.normalize('NFC').toLowerCase()
}

/** Adds the words of `text` to `into`: of `mail alice@example.com` also `alice@example.com`, `example.com`, `alice`, `example`, `com`. */
export function addWords(text: string, into: Set<string>, max: number = MAX_WORDS): void {
  const lower = foldCase(text)
  if (ASCII.test(lower)) {
    const bytes = Buffer.from(lower, 'latin1')
    visitAsciiWords(bytes, 0, bytes.length, (start, end) => add(lower.slice(start, end), into, max))
    return
  }
  for (const chunk of lower.match(CHUNK) ?? []) {
    if (into.size >= max) return
    add(withoutEdges(chunk), into, max)
    for (const piece of chunk.match(PIECE) ?? []) {
      add(withoutEdges(piece), into, max)
      for (const word of piece.match(WORD) ?? []) add(word, into, max)
    }
  }
}

/** Adds a name as the one word that it is; one that has blanks in it, or is too long to be looked for as one, as its words. */
export function addName(text: string, into: Set<string>, max: number = MAX_WORDS): void {
  const lower = foldCase(text)
  const whole = withoutEdges(lower)
  const [chunk, other] = lower.match(CHUNK) ?? []
  if (chunk === lower && other === undefined && isLength(whole.length)) add(whole, into, max)
  else addWords(lower, into, max)
}

/** The words that are looked for: each part between blanks as one, where it is not too long for that. */
export function wordsOf(text: string): string[] {
  const words = new Set<string>()
  for (const [chunk] of foldCase(text).matchAll(CHUNK)) {
    const whole = withoutEdges(chunk)
    if (whole.length <= MAX_LENGTH) add(whole, words, MAX_WORDS)
    else for (const [word] of whole.matchAll(WORD)) add(word, words, MAX_WORDS)
  }
  return [...words]
}

/** Without what is no letter or digit at its ends. By hand: a pattern tries again at each of many marks in the middle. */
function withoutEdges(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && !LETTER.test(pointAt(text, start))) start += pointAt(text, start).length
  while (start < end && !LETTER.test(pointBefore(text, end))) end -= pointBefore(text, end).length
  return text.slice(start, end)
}

function pointAt(text: string, at: number): string {
  return String.fromCodePoint(text.codePointAt(at) ?? 0)
}

function pointBefore(text: string, end: number): string {
  const pair = end >= 2 ? pointAt(text, end - 2) : ''
  return pair.length === 2 ? pair : text.charAt(end - 1)
}

function add(word: string, into: Set<string>, max: number): void {
  if (isLength(word.length) && into.size < max) into.add(word)
}

/** Whether a word of that many UTF-16 units is looked for. */
export function isLength(length: number): boolean {
  return length >= MIN_LENGTH && length <= MAX_LENGTH
}
