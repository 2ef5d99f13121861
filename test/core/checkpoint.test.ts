import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeUtf8, fromHex } from '../../src/core/bytes.ts'
import { formatCheckpoint, parseCheckpoint } from '../../src/core/checkpoint.ts'
import { parseNote } from '../../src/core/note.ts'
import { codeOf, mutate, NOTES, TESSERA, utf8 } from '../support/note-vectors.ts'

const ROOT = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
const code = (text: string) => codeOf(() => parseCheckpoint(text))

test('checkpoints of other logs parse and format back byte for byte', () => {
  const notes = [
    ...TESSERA.checkpoints,
    NOTES.sumdb.note,
    NOTES.monkeys5.note,
    NOTES.monkeys8.note,
    NOTES.mldsa.note,
    NOTES.cosignatureExample.note,
  ]
  for (const note of notes) {
    const { text } = parseNote(utf8(note))
    expect(formatCheckpoint(parseCheckpoint(text))).toBe(text)
  }
})

test('origin, size and root are what the lines say', () => {
  expect(parseCheckpoint(parseNote(utf8(NOTES.monkeys5.note)).text)).toEqual({
    origin: 'monkeys',
    size: 5,
    root: fromHex('e35b268c1522014ef412d2a54fa94838862d453631617b0307e5c77dcbeefc11'),
    extensions: [],
  })
  expect(parseCheckpoint(parseNote(utf8(NOTES.sumdb.note)).text)).toMatchObject({
    origin: 'go.sum database tree',
    size: 35_225_469,
  })
})

test('extension lines are kept as they are', () => {
  expect(parseCheckpoint(`o\n0\n${ROOT}\n one \ntwo\n`).extensions).toEqual([' one ', 'two'])
})

test.each([
  ['nothing', ''],
  ['one line', 'o\n'],
  ['two lines', 'o\n1\n'],
  ['no newline at the end', `o\n1\n${ROOT}`],
  ['an empty origin', `\n1\n${ROOT}\n`],
  ['an empty size', `o\n\n${ROOT}\n`],
  ['a leading zero', `o\n01\n${ROOT}\n`],
  ['a sign', `o\n+1\n${ROOT}\n`],
  ['a negative size', `o\n-1\n${ROOT}\n`],
  ['a hexadecimal size', `o\n0x10\n${ROOT}\n`],
  ['spaces around the size', `o\n 7 \n${ROOT}\n`],
  ['a size of 2^53', `o\n9007199254740992\n${ROOT}\n`],
  ['an empty root', 'o\n1\n\n'],
  ['a short root', 'o\n1\nAAAA\n'],
  ['a root that is not base64', `o\n1\n${'!'.repeat(44)}\n`],
  ['a root without padding', `o\n1\n${ROOT.slice(0, -1)}\n`],
  ['a root with bits after the end', `o\n1\n${ROOT.replace('FU=', 'FV=')}\n`],
  ['an empty extension line', `o\n1\n${ROOT}\n\n`],
  ['an empty line between extensions', `o\n1\n${ROOT}\na\n\nb\n`],
  ['a carriage return', `o\r\n1\r\n${ROOT}\r\n`],
  ['an origin of 256 bytes', `${'ü'.repeat(128)}\n1\n${ROOT}\n`],
])('%s is no checkpoint', (_, text) => {
  expect(code(text)).toBe('invalid_checkpoint')
})

test('an origin of 255 bytes and the size 2^53-1 fit', () => {
  expect(code(`${'a'.repeat(255)}\n9007199254740991\n${ROOT}\n`)).toBeUndefined()
})

test('a checkpoint that could not be parsed cannot be formatted', () => {
  const good = { origin: 'o', size: 1, root: new Uint8Array(32), extensions: [] }
  for (const bad of [
    { origin: '' },
    { origin: 'a\nb' },
    { size: -1 },
    { size: 1.5 },
    { size: 2 ** 53 },
    { root: new Uint8Array(31) },
    { extensions: [''] },
    { extensions: ['a\nb'] },
  ]) {
    expect(codeOf(() => formatCheckpoint({ ...good, ...bad }))).toBe('invalid_checkpoint')
  }
})

test('any checkpoint that can be formatted parses to itself', () => {
  const line = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .map((s) => s.replaceAll(/\p{Cc}/gu, '.'))
  fc.assert(
    fc.property(
      fc.record({
        origin: line,
        size: fc.maxSafeNat(),
        root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        extensions: fc.array(line, { maxLength: 3 }),
      }),
      (checkpoint) => {
        expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint)
      },
    ),
  )
})

test('a mutated checkpoint is refused with an error of ours or formats back to the same text', () => {
  const original = utf8(`example.com/log\n123456\n${ROOT}\n`)
  fc.assert(
    fc.property(fc.nat(2), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255), (how, at, value) => {
      const refusal = codeOf(() => {
        const text = decodeUtf8(mutate(original, how, at, value))
        expect(formatCheckpoint(parseCheckpoint(text))).toBe(text)
      })
      expect([undefined, 'invalid_checkpoint', 'invalid_utf8']).toContain(refusal)
    }),
    { numRuns: 2000 },
  )
})
