// The slow reading of JSON, for the few texts of which JSON.parse may have lost something: a repeated name, or an integer that a
// double cannot hold. The text is known to be valid JSON, and not to be nested too deep.
import { setMember } from '../../core/disclose.ts'
import { UnreadableEvent } from './errors.ts'
import { loneSurrogate } from './surrogates.ts'
import type { Json } from './types.ts'

const SPACE = /[ \t\n\r]*/y
const SCALAR = /[^\s,\]}]+/y
const PLAIN_INTEGER = /^-?\d+$/

/**
 * @param text valid JSON
 * @throws UnreadableEvent `duplicate_name`, `lone_surrogate`, `unsafe_number`
 */
export function parseExactly(text: string): Json {
  return new Reader(text).value()
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(): Json {
    this.#take(SPACE)
    const first = this.#text[this.#at]
    const value =
      first === '{'
        ? this.#object()
        : first === '['
          ? this.#array()
          : first === '"'
            ? this.#string()
            : this.#scalar()
    this.#take(SPACE)
    return value
  }

  #object(): Json {
    const members = {}
    this.#at += 1
    this.#take(SPACE)
    while (this.#text[this.#at] !== '}') {
      const name = this.#string()
      if (Object.hasOwn(members, name))
        throw new UnreadableEvent('duplicate_name', 'An object has two members of the same name.')
      this.#take(SPACE)
      this.#at += 1 // the colon
      setMember(members, name, this.value())
      if (this.#text[this.#at] === ',') this.#at += 1
      this.#take(SPACE)
    }
    this.#at += 1
    return members
  }

  #array(): Json {
    const values: Json[] = []
    this.#at += 1
    this.#take(SPACE)
    while (this.#text[this.#at] !== ']') {
      values.push(this.value())
      if (this.#text[this.#at] === ',') this.#at += 1
    }
    this.#at += 1
    return values
  }

  #string(): string {
    const start = this.#at
    let end = start + 1
    for (; this.#text[end] !== '"'; end++) if (this.#text[end] === '\\') end += 1
    this.#at = end + 1
    const value = JSON.parse(this.#text.slice(start, this.#at)) as string
    if (!value.isWellFormed()) throw loneSurrogate()
    return value
  }

  #scalar(): Json {
    const spelling = this.#take(SCALAR)
    const value = JSON.parse(spelling) as null | boolean | number
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    if (PLAIN_INTEGER.test(spelling)) return spelling
    if (Number.isFinite(value)) return value
    throw new UnreadableEvent('unsafe_number', 'A number is too large: the largest has 309 digits.')
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }
}
