// Keys as numbers: 31 bits of a keyed hash, which mean nothing without the secret; the secret is not in the database. Terms
// from 0 on are of what everybody may search by, those below 0 of what is personal: one can never be taken for the other.
//
// The hash is a pseudorandom function: whoever holds the table, and even has events of his choice indexed, learns which rows
// share a value, and nothing about values that he did not choose. It is no MAC: 31 bits meet by chance, so every hit is checked
// against its event, and nobody trusts a term.
import type { DisclosedField } from '../event/disclosures.ts'
import type { Envelope } from '../event/types.ts'
import { afterLastLetter, firstLetter, isOneChunk, visitAsciiWords, writeAscii } from './ascii-words.ts'
import { KEY_FIELDS, type KeyField, NAMES } from './key-fields.ts'
import { createSipHash } from './siphash.ts'
import { visitKeys } from './visit-keys.ts'
import { addName, addWords, foldCase, isLength, MAX_WORDS } from './words.ts'

export interface Terms {
  /** Of what is clear; the same key has the same term for ever. */
  clear(key: string): number
  personal(key: string): number
  /** Ascending, each once: what the row of an event holds. At least those of keysOf. @param far a row of FAR */
  of(envelope: Envelope, fields: readonly DisclosedField[], far: boolean): Int32Array
}

/** Key of rows that are dated far from when the log took them. */
export const FAR = 'far\x001'
/** In the byte before a hashed value: it is no ASCII, and in UTF-16. */
const WIDE = 0x80
const WORD = 0
const NUMBERS = new Map<string, number>(
  KEY_FIELDS.map((field, i) => [field, NAMES.has(field) ? WORD : i] as const),
)

/** @param secret 32 bytes of Vault.secretFor('search') */
export function createTerms(secret: Uint8Array): Terms {
  const sipHash = createSipHash(secret.slice(0, 16))
  const hashed = (bytes: Uint8Array, start: number, end: number): number => sipHash(bytes, start, end) >>> 1
  const collector = createCollector(hashed)

  function clear(key: string): number {
    const end = key.indexOf('\0')
    return hashValue(hashed, numberOf(key.slice(0, end)), key.slice(end + 1))
  }
  return { clear, personal: (key) => -1 - clear(key), of: collector }
}

type Hashed = (bytes: Uint8Array, start: number, end: number) => number

function numberOf(field: string): number {
  const number = NUMBERS.get(field)
  if (number === undefined) throw new RangeError('no field that is searched')
  return number
}

/** Room for a value behind the number of its field. */
let scratch = new Uint8Array(1_024)

/** Whether `value` is ASCII, and is in `scratch` from 1 on, in lower case. */
function written(value: string): boolean {
  if (value.length >= scratch.length) scratch = new Uint8Array(2 * value.length)
  return writeAscii(value, scratch, 1)
}

function hashValue(hashed: Hashed, field: number, value: string): number {
  if (!written(value)) {
    const folded = foldCase(value) // may be ASCII even so
    if (!written(folded)) {
      const wide = Buffer.from(` ${folded}`, 'utf16le').subarray(1)
      wide[0] = field | WIDE
      return hashed(wide, 0, wide.length)
    }
    scratch[0] = field
    return hashed(scratch, 0, folded.length + 1)
  }
  scratch[0] = field
  return hashed(scratch, 0, value.length + 1)
}

/** Gathers the terms of one event after the other, without texts. */
function createCollector(hashed: Hashed): Terms['of'] {
  let terms = new Int32Array(512)
  let count = 0
  let words = 0
  let sign = 0
  const seen = createSeen()

  function push(term: number): void {
    if (count === terms.length) {
      const more = new Int32Array(2 * count)
      more.set(terms)
      terms = more
    }
    terms[count++] = term
  }

  function pushWord(term: number): void {
    if (words >= MAX_WORDS || !seen.add(term ^ sign)) return
    words++
    push(term ^ sign)
  }

  /** A word that stands in `scratch`: the byte before it becomes the number of its field meanwhile. */
  function visitWord(start: number, end: number): void {
    if (!isLength(end - start)) return
    const before = scratch[start - 1] ?? 0
    scratch[start - 1] = WORD
    pushWord(hashed(scratch, start - 1, end))
    scratch[start - 1] = before
  }

  function pushTexts(text: string, name: boolean): void {
    const all = new Set<string>()
    if (name) addName(text, all)
    else addWords(text, all)
    for (const word of all) pushWord(hashValue(hashed, WORD, word))
  }

  const visitor = {
    whole(field: KeyField, value: string, personal: boolean): void {
      const term = hashValue(hashed, numberOf(field), value)
      push(personal ? ~term : term)
    },
    words(text: string, personal: boolean, name: boolean): void {
      sign = personal ? -1 : 0
      if (words >= MAX_WORDS) return
      if (!written(text)) {
        pushTexts(text, name)
        return
      }
      const end = text.length + 1
      if (name && isOneChunk(scratch, 1, end)) {
        const first = firstLetter(scratch, 1, end)
        const last = afterLastLetter(scratch, first, end)
        if (isLength(last - first)) {
          visitWord(first, last)
          return
        }
      }
      visitAsciiWords(scratch, 1, end, visitWord)
    },
  }

  return (envelope, fields, far) => {
    count = 0
    words = 0
    seen.clear()
    visitKeys(envelope, fields, visitor)
    if (far) push(hashValue(hashed, numberOf('far'), '1'))
    return ascending(terms.subarray(0, count))
  }
}

/** A copy, each once. */
function ascending(terms: Int32Array): Int32Array {
  const sorted = terms.slice().sort()
  let kept = 0
  for (let i = 0; i < sorted.length; i++) {
    const term = sorted[i] ?? 0
    if (i === 0 || term !== sorted[kept - 1]) sorted[kept++] = term
  }
  return sorted.subarray(0, kept)
}

/** A set of at most MAX_WORDS numbers that is emptied at once. */
function createSeen(): { add(term: number): boolean; clear(): void } {
  const SIZE = 1_024
  const slots = new Int32Array(SIZE)
  const rounds = new Int32Array(SIZE)
  let round = 0
  return {
    add(term) {
      let at = term & (SIZE - 1)
      for (; rounds[at] === round; at = (at + 1) & (SIZE - 1)) if (slots[at] === term) return false
      slots[at] = term
      rounds[at] = round
      return true
    },
    clear() {
      round = (round + 1) | 0
      if (round === 0) rounds.fill(-1)
    },
  }
}
