import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  concat,
  decodeUtf8,
  encodeUtf8,
  equalBytes,
  fromBase64,
  fromHex,
  parseDecimal,
  readU16,
  readU32,
  readU64,
  toBase64,
  toHex,
  writeU16,
  writeU32,
  writeU64,
} from '../../src/core/bytes.ts'
import { codeOf } from '../support/note-vectors.ts'

describe('bytes', () => {
  test('concat joins in order and owns its memory', () => {
    const part = Uint8Array.of(1, 2)
    const joined = concat(part, new Uint8Array(), Uint8Array.of(3))
    part[0] = 9
    expect(joined).toEqual(Uint8Array.of(1, 2, 3))
    expect(concat()).toEqual(new Uint8Array())
  })

  test('equalBytes looks at every byte and at the length', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
        expect(equalBytes(a, a.slice())).toBe(true)
        expect(equalBytes(a, concat(a, Uint8Array.of(0)))).toBe(false)
      }),
    )
  })
})

describe('hex and base64', () => {
  test('agree with Node and come back unchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 10_000, size: 'max' }), (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'))
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
        expect(equalBytes(fromHex(toHex(bytes)), bytes)).toBe(true)
        expect(equalBytes(fromBase64(toBase64(bytes)), bytes)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  test.each([
    'A',
    'AA',
    'AAA',
    'AA==\n',
    ' AA==',
    'AB==',
    'AAB=',
    'A===',
    '====',
    'AA=A',
    'AA',
    'AA-_',
    'AAA=AAAA',
    'AAAAA',
    'AAAÄ',
  ])('base64 %j is refused', (text) => {
    expect(codeOf(() => fromBase64(text))).toBe('invalid_base64')
  })

  test.each(['0', 'AB', '0g', '0x', ' 00', '00\n', '٠٠'])('hex %j is refused', (text) => {
    expect(codeOf(() => fromHex(text))).toBe('invalid_hex')
  })

  test('whatever text is accepted is the canonical one', () => {
    const base64ish = fc.string({
      unit: fc.constantFrom('A', 'B', '/', '+', '=', '9', 'z', ' ', '\n'),
      maxLength: 12,
    })
    fc.assert(
      fc.property(base64ish, (text) => {
        const code = codeOf(() => expect(toBase64(fromBase64(text))).toBe(text))
        expect([undefined, 'invalid_base64']).toContain(code)
      }),
    )
  })
})

describe('UTF-8', () => {
  test('text comes back unchanged, byte order mark included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeUtf8(encodeUtf8(text))).toBe(text)
        expect(decodeUtf8(encodeUtf8(`\uFEFF${text}`))).toBe(`\uFEFF${text}`)
      }),
    )
  })

  test('bytes that are not UTF-8, and text that has none, are refused', () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      expect(codeOf(() => decodeUtf8(Uint8Array.from(bytes)))).toBe('invalid_utf8')
    }
    expect(codeOf(() => encodeUtf8('a\uD800b'))).toBe('invalid_utf8')
  })
})

describe('numbers', () => {
  test.each([
    ['0', 0],
    ['7', 7],
    ['10', 10],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s is a canonical number', (text, value) => {
    expect(parseDecimal(text)).toBe(value)
  })

  test.each([
    '',
    '00',
    '01',
    '+1',
    '-0',
    '-1',
    ' 1',
    '1 ',
    '1\n',
    '1.0',
    '1e3',
    '0x10',
    '٣',
    '9007199254740992',
    '10000000000000000',
    '99999999999999999999',
  ])('the number %j is refused', (text) => {
    expect(codeOf(() => parseDecimal(text))).toBe('invalid_number')
  })

  test('big-endian numbers agree with Node, at any offset of a larger buffer', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat({ max: 20 }), (value, offset) => {
        const node = Buffer.alloc(8)
        node.writeBigUInt64BE(BigInt(value))
        expect(writeU64(value)).toEqual(new Uint8Array(node))
        expect(readU64(concat(new Uint8Array(offset), node).subarray(offset), 0)).toBe(value)
        expect(readU64(concat(new Uint8Array(offset), node), offset)).toBe(value)
        expect(readU32(writeU32(value % 2 ** 32), 0)).toBe(value % 2 ** 32)
        expect(readU16(writeU16(value % 2 ** 16), 0)).toBe(value % 2 ** 16)
      }),
    )
  })

  test('numbers that do not fit are refused', () => {
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(codeOf(() => writeU64(bad))).toBe('invalid_number')
    }
    expect(codeOf(() => writeU16(65_536))).toBe('invalid_number')
    expect(codeOf(() => writeU32(2 ** 32))).toBe('invalid_number')
    expect(codeOf(() => readU64(Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0), 0))).toBe('invalid_number')
    expect(readU64(Uint8Array.of(0, 0x1f, 255, 255, 255, 255, 255, 255), 0)).toBe(Number.MAX_SAFE_INTEGER)
    for (const offset of [-1, 1, 8])
      expect(codeOf(() => readU64(new Uint8Array(8), offset))).toBe('invalid_number')
    expect(codeOf(() => readU16(Uint8Array.of(1), 0))).toBe('invalid_number')
    expect(codeOf(() => readU32(Uint8Array.of(1, 2, 3), 0))).toBe('invalid_number')
  })
})
