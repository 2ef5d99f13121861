import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../src/core/canonical-json.ts'
import { codeOf, readVectors } from '../support/note-vectors.ts'

type Vectors = {
  documents: Record<string, { input: string; output: string }>
  numbers: [bits: string, text: string][]
  notNumbers: string[]
}
const VECTORS = readVectors<Vectors>('jcs.json')

const doubleOf = (bits: string) => Buffer.from(bits, 'hex').readDoubleBE()

describe('canonical JSON is that of RFC 8785', () => {
  test.each(Object.entries(VECTORS.documents))('in the document %s', (_, { input, output }) => {
    expect(canonicalJson(JSON.parse(input))).toBe(output)
  })

  test.each(VECTORS.numbers)('in the number with the bits %s', (bits, text) => {
    expect(canonicalJson(doubleOf(bits))).toBe(text)
  })

  test.each(VECTORS.notNumbers)('which has no word for the number with the bits %s', (bits) => {
    expect(codeOf(() => canonicalJson([doubleOf(bits)]))).toBe('invalid_number')
  })
})

test('members of any name are sorted by UTF-16 units, also those that are numbers or __proto__', () => {
  const value = JSON.parse('{"b":1,"10":2,"9":3,"__proto__":4,"\\ud83d\\ude00":5,"\\ufb33":6}') as unknown
  expect(canonicalJson(value)).toBe('{"10":2,"9":3,"__proto__":4,"b":1,"\u{1f600}":5,"\ufb33":6}')
})

test('half of a surrogate pair is refused, as a value and as a name', () => {
  for (const value of ['\ud800', 'a\udc00b', { '\ud800': 1 }, ['\udbff\ud800']])
    expect(codeOf(() => canonicalJson(value))).toBe('invalid_utf8')
  expect(canonicalJson('\ud83d\ude00')).toBe('"\u{1f600}"')
})

test('what JSON has no word for is refused, and members that are undefined are left out', () => {
  for (const value of [undefined, () => 1, Symbol('a'), 1n, [undefined], { a: 1n }])
    expect(codeOf(() => canonicalJson(value))).toBe('invalid_json')
  expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}')
  const loop: unknown[] = []
  loop.push(loop)
  expect(codeOf(() => canonicalJson(loop))).toBe('invalid_json')
})

test('objects that are alike but for a name, or for the order of their names, are each written with their own', () => {
  // What is remembered of an object is found by its number of names, and by its first and last one.
  const names = fc.array(fc.constantFrom('aa', 'ab', 'ba', 'bb'), { maxLength: 3 })
  const objects = fc.array(
    names.map((middle) => Object.fromEntries(['m', ...middle, 'a'].map((name, i) => [name, i]))),
    { minLength: 2, maxLength: 30 },
  )
  fc.assert(
    fc.property(objects, (all) => {
      for (const object of all) {
        const sorted = Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))
        expect(canonicalJson(object)).toBe(JSON.stringify(Object.fromEntries(sorted)))
      }
    }),
  )
})

test('it means the same value, and is the same text again', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(JSON.parse(text))).toBe(text)
    }),
  )
})
