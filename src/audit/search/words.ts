// What of a text can be searched for: words, and identifiers whole.

/** Words of one event at most; more are not found. */
export const MAX_WORDS = 200
const MAX_LENGTH = 64
const MIN_LENGTH = 2

/** What stands between blanks, quotes and brackets. */
const CHUNK = /[^\s"'`()[\]{}<>|,;]+/gu
/** What stands between the marks of URLs, addresses and assignments: `example.com`, `user.login`, `a-b_c`. */
const PIECE = /[\p{L}\p{N}\p{M}._-]+/gu
const WORD = /[\p{L}\p{N}\p{M}]+/gu
const EDGE = /^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu

/** Adds the words of `text` to `into`: of `mail alice@example.com` also `alice@example.com`, `example.com`, `alice`, `example`, `com`. */
export function addWords(text: string, into: Set<string>, max: number = MAX_WORDS): void {
  const lower = text.normalize('NFC').toLowerCase()
  for (const [chunk] of lower.matchAll(CHUNK)) {
    if (into.size >= max) return
    add(chunk.replace(EDGE, ''), into, max)
    if (/^[\p{L}\p{N}]*$/u.test(chunk)) continue
    for (const [piece] of chunk.matchAll(PIECE)) {
      add(piece.replace(EDGE, ''), into, max)
      for (const [word] of piece.matchAll(WORD)) add(word, into, max)
    }
  }
}

/** The words that are looked for: each part between blanks as one, where it is not too long for that. */
export function wordsOf(text: string): string[] {
  const words = new Set<string>()
  for (const [chunk] of text.normalize('NFC').toLowerCase().matchAll(CHUNK)) {
    const whole = chunk.replace(EDGE, '')
    if (whole.length <= MAX_LENGTH) add(whole, words, MAX_WORDS)
    else for (const [word] of whole.matchAll(WORD)) add(word, words, MAX_WORDS)
  }
  return [...words]
}

function add(word: string, into: Set<string>, max: number): void {
  if (word.length >= MIN_LENGTH && word.length <= MAX_LENGTH && into.size < max) into.add(word)
}
