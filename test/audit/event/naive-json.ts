// RFC 8259 as slowly and plainly as it can be written: what the fast parser is compared with.
import { UnreadableEvent } from '../../../src/audit/event/errors.ts'

type Reader = { text: string; at: number }

/** @throws UnreadableEvent with the codes of parseStrictText */
export function naiveJson(text: string): unknown {
  const reader = { text, at: 0 }
  const value = readValue(reader)
  skipSpace(reader)
  if (reader.at !== text.length) throw fail('not_json')
  return value
}

function readValue(reader: Reader): unknown {
  skipSpace(reader)
  const next = reader.text[reader.at]
  if (next === '{') return readObject(reader)
  if (next === '[') return readArray(reader)
  if (next === '"') return readString(reader)
  for (const [word, value] of [
    ['true', true],
    ['false', false],
    ['null', null],
  ] as const) {
    if (reader.text.startsWith(word, reader.at)) {
      reader.at += word.length
      return value
    }
  }
  return readNumber(reader)
}

function readObject(reader: Reader): unknown {
  const members = new Map<string, unknown>()
  let repeated = false
  for (let first = true; ; first = false) {
    reader.at += 1 // { or ,
    skipSpace(reader)
    if (first && reader.text[reader.at] === '}') break
    if (reader.text[reader.at] !== '"') throw fail('not_json')
    const name = readString(reader)
    skipSpace(reader)
    if (reader.text[reader.at] !== ':') throw fail('not_json')
    reader.at += 1
    repeated ||= members.has(name)
    members.set(name, readValue(reader))
    skipSpace(reader)
    if (reader.text[reader.at] === '}') break
    if (reader.text[reader.at] !== ',') throw fail('not_json')
  }
  reader.at += 1
  if (repeated) throw fail('duplicate_name')
  return Object.fromEntries(members)
}

function readArray(reader: Reader): unknown {
  const values: unknown[] = []
  for (let first = true; ; first = false) {
    reader.at += 1 // [ or ,
    skipSpace(reader)
    if (first && reader.text[reader.at] === ']') break
    values.push(readValue(reader))
    skipSpace(reader)
    if (reader.text[reader.at] === ']') break
    if (reader.text[reader.at] !== ',') throw fail('not_json')
  }
  reader.at += 1
  return values
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
  '/': '/',
}

function readString(reader: Reader): string {
  const units: number[] = []
  reader.at += 1
  for (;;) {
    const character = reader.text[reader.at]
    if (character === undefined || character < ' ') throw fail('not_json')
    reader.at += 1
    if (character === '"') break
    if (character !== '\\') units.push(character.charCodeAt(0))
    else {
      const kind = reader.text[reader.at] ?? ''
      reader.at += 1
      const hex = reader.text.slice(reader.at, reader.at + 4)
      if (kind === 'u' && /^[0-9a-fA-F]{4}$/.test(hex)) {
        units.push(Number.parseInt(hex, 16))
        reader.at += 4
      } else if (kind !== '' && ESCAPES[kind] !== undefined) units.push(ESCAPES[kind].charCodeAt(0))
      else throw fail('not_json')
    }
  }
  const high = (unit = 0) => unit >= 0xd800 && unit < 0xdc00
  const low = (unit = 0) => unit >= 0xdc00 && unit < 0xe000
  if (units.some((unit, i) => (high(unit) && !low(units[i + 1])) || (low(unit) && !high(units[i - 1]))))
    throw fail('lone_surrogate')
  return String.fromCharCode(...units)
}

function readNumber(reader: Reader): unknown {
  const [spelling] =
    /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/.exec(reader.text.slice(reader.at)) ?? []
  if (spelling === undefined) throw fail('not_json')
  reader.at += spelling.length
  const value = Number(spelling)
  if (/^-?[0-9]+$/.test(spelling) && !Number.isSafeInteger(value)) return spelling
  if (!Number.isFinite(value)) throw fail('unsafe_number')
  return value
}

function skipSpace(reader: Reader): void {
  while (' \t\n\r'.includes(reader.text[reader.at] ?? 'x')) reader.at += 1
}

function fail(code: UnreadableEvent['code']): UnreadableEvent {
  return new UnreadableEvent(code, code)
}
