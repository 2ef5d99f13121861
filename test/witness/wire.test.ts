import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat, encodeUtf8, toBase64 } from '../../src/core/bytes.ts'
import { formatSignatures } from '../../src/core/note.ts'
import {
  formatAddCheckpoint,
  formatSize,
  parseAddCheckpoint,
  parseSignatures,
  parseSize,
} from '../../src/witness/wire.ts'

const HASH = toBase64(new Uint8Array(32).fill(7))
const NOTE = 'log.example\n1\nAAAA\n\n— log.example AAAA\n'
const bytes = (text: string): Uint8Array => encodeUtf8(text)
const LINE = `— witness.example ${toBase64(new Uint8Array(76).fill(3))}\n`

test('a request is read as it was written', () => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 31),
      fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 }),
      fc.uint8Array(),
      (oldSize, proof, note) => {
        const read = parseAddCheckpoint(formatAddCheckpoint({ oldSize, proof, note }))
        expect(read).toEqual({ oldSize, proof, note })
      },
    ),
  )
})

test('the note of a request is taken byte for byte, empty lines included', () => {
  const { note } = parseAddCheckpoint(bytes(`old 0\n\n${NOTE}\n\nmore`))
  expect(note).toEqual(bytes(`${NOTE}\n\nmore`))
})

describe('a request that is not canonical is refused', () => {
  test.each([
    ['empty', ''],
    ['no empty line', `old 1\n${HASH}\n`],
    ['empty line first', `\n\n${NOTE}`],
    ['no old', `${HASH}\n\n${NOTE}`],
    ['no size', `old \n\n${NOTE}`],
    ['two spaces', `old  1\n\n${NOTE}`],
    ['a leading zero', `old 01\n\n${NOTE}`],
    ['a sign', `old +1\n\n${NOTE}`],
    ['a carriage return', `old 1\r\n\r\n${NOTE}`],
    ['a size beyond 2^53', `old 9007199254740992\n\n${NOTE}`],
    ['a short hash', `old 1\nAAAA\n\n${NOTE}`],
    ['a hash with unused bits', `old 1\n${HASH.slice(0, -2)}d=\n\n${NOTE}`],
    ['a hash without padding', `old 1\n${HASH.slice(0, -1)}\n\n${NOTE}`],
    ['a space after a hash', `old 1\n${HASH} \n\n${NOTE}`],
    ['64 hashes', `old 1\n${`${HASH}\n`.repeat(64)}\n${NOTE}`],
    ['upper case', `OLD 1\n\n${NOTE}`],
  ])('%s', (_, body) => {
    expect(() => parseAddCheckpoint(bytes(body))).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  })

  test('bytes that are not UTF-8', () => {
    const body = concat(Uint8Array.of(0xff), bytes(`old 0\n\n${NOTE}`))
    expect(() => parseAddCheckpoint(body)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })
})

test('more hashes than a proof can have are not sent', () => {
  const proof = Array.from({ length: 64 }, () => new Uint8Array(32))
  expect(() => formatAddCheckpoint({ oldSize: 1, proof, note: bytes(NOTE) })).toThrow(RangeError)
})

test('a size is read as it was written, and only so', () => {
  expect(parseSize(bytes(formatSize(0)))).toBe(0)
  expect(parseSize(bytes(formatSize(20852014)))).toBe(20852014)
  for (const body of [
    '',
    '7',
    '07\n',
    '7\n\n',
    ' 7\n',
    '7\r\n',
    'seven\n',
    '9007199254740992\n',
    'Conflict\n',
  ]) {
    expect(() => parseSize(bytes(body)), body).toThrow(expect.objectContaining({ code: 'invalid_answer' }))
  }
})

test('signature lines are read as they were written, and only so', () => {
  const signatures = parseSignatures(bytes(LINE + LINE))
  expect(signatures.map(({ name }) => name)).toEqual(['witness.example', 'witness.example'])
  expect(formatSignatures(signatures)).toEqual(bytes(LINE + LINE))
  for (const body of [
    '',
    '\n',
    `\n${LINE}`,
    `${LINE}\n${LINE}`,
    LINE.slice(0, -1),
    `text\n${LINE}`,
    `text\n\n${LINE}`,
  ]) {
    expect(() => parseSignatures(bytes(body)), body).toThrow(
      expect.objectContaining({ code: 'invalid_answer' }),
    )
  }
})
