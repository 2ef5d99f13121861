import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseStrictJson, parseStrictText } from '../../../src/audit/event/strict-json.ts'
import { MAX_DEPTH } from '../../../src/audit/event/types.ts'
import { codeOf, utf8 } from '../../support/note-vectors.ts'
import { naiveJson } from './naive-json.ts'

const refusal = (text: string) => codeOf(() => parseStrictText(text))

describe('a name twice in an object is refused', () => {
  test.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":3}',
    '{"a":1,"\\u0061":2}',
    '{"":1,"":2}',
    '[[{"x":{"y":1,"y":[]}}]]',
    '{"a":{"b":"::"},"a":1}',
    '{"a":":","a":"\\u003a"}',
    '{"a":1,"a":"\\u003a"}',
    '{"\\u003a":1,":":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a\\n":1,"a\\u000a":2}',
    '{"a":1 , "a" : 2}',
  ])('%s', (text) => {
    expect(refusal(text)).toBe('duplicate_name')
  })
})

describe('no name twice is no reason to refuse', () => {
  test.each([
    '{"a":":","b":"a:b::c","c:":1}',
    '{"\\u003a":1,"::":"\\u003A\\u003a"}',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":"\\\\u003a"}',
  ])('%s', (text) => {
    expect(parseStrictText(text)).toEqual(JSON.parse(text))
  })
})

test('__proto__ is data like any other name, and sets no prototype', () => {
  for (const text of ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1},"n":12345678901234567890}']) {
    const json = parseStrictText(text) as object
    expect(Object.getPrototypeOf(json)).toBe(Object.prototype)
    expect(Object.keys(json)[0]).toBe('__proto__')
    expect((json as { a?: unknown }).a).toBeUndefined()
  }
})

describe('numbers', () => {
  test.each<[string, unknown]>([
    ['9007199254740991', 9_007_199_254_740_991],
    ['-9007199254740991', -9_007_199_254_740_991],
    ['9007199254740992', '9007199254740992'],
    ['9007199254740993', '9007199254740993'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['18446744073709551615', '18446744073709551615'],
    ['1700000000000000001', '1700000000000000001'],
    [`1${'0'.repeat(400)}`, `1${'0'.repeat(400)}`],
    ['1e20', 1e20],
    ['1.5e300', 1.5e300],
    ['0.1', 0.1],
    ['-0', -0],
    ['9007199254740993.5', 9_007_199_254_740_994],
  ])('%s', (text, value) => {
    expect(parseStrictText(text)).toBe(value)
    expect(parseStrictText(`{"a":[${text}, true]}`)).toEqual({ a: [value, true] })
  })

  test.each(['1e400', '-1e309', '[1e999]', `1${'0'.repeat(400)}.0`])('%s is refused', (text) => {
    expect(refusal(text)).toBe('unsafe_number')
  })
})

test('half a surrogate pair is refused, as a value and as a name', () => {
  for (const text of [
    '"\\ud800"',
    '"a\\uDC00b"',
    '{"\\uD800":1}',
    '["\\udc00\\ud800"]',
    '{"a":["\\uDBFFx"]}',
  ])
    expect(refusal(text), text).toBe('lone_surrogate')
  expect(parseStrictText('"\\ud83d\\ude00"')).toBe('\u{1f600}')
  expect(parseStrictText('"\\\\ud800"')).toBe('\\ud800')
})

test('bytes that are not UTF-8 are refused, an encoded surrogate among them', () => {
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0x22, 0xc0, 0x80, 0x22],
    [0x22, 0xe2, 0x82],
  ])
    expect(codeOf(() => parseStrictJson(Uint8Array.from(bytes)))).toBe('not_utf8')
})

test.each([
  '',
  ' ',
  '{',
  '[1,]',
  '{"a":1,}',
  "{'a':1}",
  '{a:1}',
  '01',
  '+1',
  '.5',
  '1.',
  '0x1',
  'NaN',
  'Infinity',
  'undefined',
  '"\t"',
  '"\\x41"',
  '{} {}',
  '{}x',
  '1 2',
  '\uFEFF{}',
  '{}\uFEFF',
  '/**/1',
  '"a',
  '\u00a01',
  '"\\ud83"',
])('%j is no JSON', (text) => {
  expect(refusal(text)).toBe('not_json')
})

test('nesting is bounded, and only nesting', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  expect(refusal(nested(MAX_DEPTH))).toBeUndefined()
  expect(refusal(nested(MAX_DEPTH + 1))).toBe('too_deep')
  expect(refusal('{"a":'.repeat(MAX_DEPTH + 1) + '1' + '}'.repeat(MAX_DEPTH + 1))).toBe('too_deep')
  expect(refusal(nested(100_000))).toBe('too_deep')
  expect(codeOf(() => parseStrictText(nested(MAX_DEPTH + 2), MAX_DEPTH + 2))).toBeUndefined()
  expect(refusal('['.repeat(100_000))).toBe('not_json')
})

test('what is refused is not repeated in the message', () => {
  for (const text of ['{"secret":1,"secret":2}', '{"secret":"\\ud800"}', '{"secret', '[1e999,"secret"]']) {
    let message = ''
    try {
      parseStrictText(text)
    } catch (error) {
      message = String(error)
    }
    expect(message).not.toBe('')
    expect(message).not.toContain('secret')
  }
})

// Texts that are mostly JSON, with what could go wrong in them, near each other.
const piece = fc.constantFrom(
  '"a"',
  '"\\u0061"',
  '"b:"',
  '"b\\u003a"',
  '":"',
  '"\\u003A"',
  '"\\ud800"',
  '"\\ud83d\\ude00"',
  '"\\\\"',
  '"\\""',
  '""',
  '"__proto__"',
  '"\u{1f600}"',
  '1',
  '-0',
  '1e5',
  '1e400',
  '9007199254740993',
  '-12345678901234567890',
  '0.5',
  '1E-7',
  'true',
  'false',
  'null',
)
const name = fc.constantFrom(
  '"a"',
  '"\\u0061"',
  '"b:"',
  '"b\\u003a"',
  '"c\\\\"',
  '"c\\u005c"',
  '"__proto__"',
  '""',
  '"\\"a"',
  '"1"',
)
const space = fc.constantFrom('', '', '', ' ', '\n\t', '\r')
const { json } = fc.letrec<{ json: string; object: string; array: string }>((tie) => ({
  json: fc.oneof({ maxDepth: 4, depthSize: 'small' }, piece, tie('object'), tie('array')),
  array: fc
    .tuple(fc.array(tie('json'), { maxLength: 4 }), space)
    .map(([values, gap]) => `[${gap}${values.map((value) => gap + value + gap).join(',')}]`),
  object: fc
    .tuple(fc.array(fc.tuple(name, tie('json')), { maxLength: 4 }), space)
    .map(
      ([members, gap]) =>
        `{${gap}${members.map(([key, value]) => gap + key + gap + ':' + gap + value + gap).join(',')}}`,
    ),
}))

const outcome = (parse: (text: string) => unknown, text: string) => {
  let value: unknown
  const code = codeOf(() => {
    value = parse(text)
  })
  // As text too, because toEqual sees no difference in __proto__.
  return { code, value, text: JSON.stringify(value) }
}

test.each(['"\ude00"', '{"\ud83d":1}', '["a\\n\ud83d"]', '\ude00'])(
  'a text that UTF-8 cannot express is refused: %j',
  (text) => {
    expect(refusal(text)).toBe('lone_surrogate')
  },
)

test('it reads what a plain recursive parser reads, and refuses what that refuses', () => {
  fc.assert(
    fc.property(json, (text) => {
      const [ours, naive] = [outcome(parseStrictText, text), outcome(naiveJson, text)]
      // Where two things are wrong either may be named.
      expect({ ...ours, code: ours.code !== undefined }).toEqual({ ...naive, code: naive.code !== undefined })
    }),
    { numRuns: 5_000 },
  )
})

test('and so with a character more, less or changed', () => {
  const change = fc.constantFrom(
    '',
    '"',
    ':',
    ',',
    '{',
    '}',
    '[',
    ']',
    '\\',
    '0',
    'e',
    '-',
    ' ',
    '\\u003a',
    'a',
    '\u0001',
  )
  fc.assert(
    fc.property(json, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(1), change, (text, at, cut, put) => {
      const i = Math.floor(at * text.length)
      const changed = text.slice(0, i) + put + text.slice(i + cut)
      const [ours, naive] = [outcome(parseStrictText, changed), outcome(naiveJson, changed)]
      expect({ ...ours, code: ours.code !== undefined }).toEqual({ ...naive, code: naive.code !== undefined })
    }),
    { numRuns: 5_000 },
  )
})

test('any JSON value survives', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value)
      expect(parseStrictJson(utf8(text))).toEqual(naiveJson(text))
    }),
  )
})
