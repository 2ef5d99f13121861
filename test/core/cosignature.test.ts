import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeUtf8, toHex } from '../../src/core/bytes.ts'
import {
  cosignatureMessage,
  formatTimestamped,
  parseTimestamped,
  subtreeMessage,
} from '../../src/core/cosignature.ts'
import { parseNote } from '../../src/core/note.ts'
import { codeOf, NOTES, utf8 } from '../support/note-vectors.ts'

const statement = {
  cosigner: 'w',
  timestamp: 0,
  origin: 'o',
  start: 0,
  end: 1,
  root: new Uint8Array(32).fill(7),
}

test('the example of the specification carries the time its message shows', () => {
  const { textBytes, signatures } = parseNote(utf8(NOTES.cosignatureExample.note))
  const { timestamp, signature } = parseTimestamped(signatures[1]!.blob, 64)
  expect(timestamp).toBe(1_679_315_147)
  expect(signature).toHaveLength(64)
  expect(decodeUtf8(cosignatureMessage(timestamp, textBytes))).toBe(
    'cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
  )
})

test('the ML-DSA-44 message is the structure of the specification, byte for byte', () => {
  const message = subtreeMessage({
    cosigner: 'wit',
    timestamp: 0x0102,
    origin: 'log',
    start: 0,
    end: 2 ** 40 + 3,
    root: new Uint8Array(32).fill(0xab),
  })
  expect(toHex(message)).toBe(
    `737562747265652f76310a00${'03776974'}${'0000000000000102'}${'036c6f67'}${'0000000000000000'}${'0000010000000003'}${'ab'.repeat(32)}`,
  )
})

describe('what cannot be signed', () => {
  test('a subtree that does not start at 0 must not have a time', () => {
    expect(codeOf(() => subtreeMessage({ ...statement, start: 1, end: 2, timestamp: 1 }))).toBe(
      'invalid_signature_blob',
    )
    expect(codeOf(() => subtreeMessage({ ...statement, start: 1, end: 2 }))).toBeUndefined()
  })

  test.each([
    { cosigner: '' },
    { cosigner: 'a'.repeat(256) },
    { origin: '' },
    { origin: 'ü'.repeat(128) },
    { timestamp: -1 },
    { timestamp: 0.5 },
    { start: 2, end: 1 },
    { end: 2 ** 53 },
    { root: new Uint8Array(31) },
  ])('%o', (change) => {
    expect(codeOf(() => subtreeMessage({ ...statement, ...change }))).toBe('invalid_signature_blob')
  })

  test('a time that is no count of seconds', () => {
    for (const timestamp of [-1, 1.5, Number.NaN, 2 ** 53]) {
      expect(codeOf(() => cosignatureMessage(timestamp, utf8('a\n')))).toBe('invalid_signature_blob')
      expect(codeOf(() => formatTimestamped({ timestamp, signature: new Uint8Array(64) }))).toBe(
        'invalid_signature_blob',
      )
    }
  })
})

test('names of 255 bytes fit', () => {
  const long = 'a'.repeat(255)
  expect(subtreeMessage({ ...statement, cosigner: long, origin: long })).toHaveLength(12 + 2 * 256 + 24 + 32)
})

test('a blob of any other length is refused, and so is a time above 2^53-1', () => {
  expect(codeOf(() => parseTimestamped(new Uint8Array(71), 64))).toBe('invalid_signature_blob')
  expect(codeOf(() => parseTimestamped(new Uint8Array(73), 64))).toBe('invalid_signature_blob')
  expect(codeOf(() => parseTimestamped(new Uint8Array(0), 64))).toBe('invalid_signature_blob')
  expect(codeOf(() => parseTimestamped(new Uint8Array(72).fill(0xff), 64))).toBe('invalid_number')
})

test('any time and signature parse to themselves', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.uint8Array({ minLength: 64, maxLength: 64 }), (timestamp, signature) => {
      expect(parseTimestamped(formatTimestamped({ timestamp, signature }), 64)).toEqual({
        timestamp,
        signature,
      })
    }),
  )
})
