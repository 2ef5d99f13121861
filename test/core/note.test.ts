import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { toBase64 } from '../../src/core/bytes.ts'
import { validKeyName } from '../../src/core/keys.ts'
import { installMlDsa } from '../../src/core/ml-dsa.ts'
import { formatNote, MAX_NOTE_SIZE, openNote, parseNote } from '../../src/core/note.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { codeOf, mutate, NOTES, utf8 } from '../support/note-vectors.ts'

beforeAll(installMlDsa)

const [peter, enoch] = NOTES.goNote.vkeys.map((v) => verifierOf(v)) as [
  ReturnType<typeof verifierOf>,
  ReturnType<typeof verifierOf>,
]
const [TEXT, LINES] = NOTES.goNote.note.split('\n\n') as [string, string]
const [PETER, ENOCH] = LINES.split('\n').map((line) => `${line}\n`) as [string, string]
const note = (...lines: string[]) => utf8(`${TEXT}\n\n${lines.join('')}`)
const opened = (bytes: Uint8Array, ...verifiers: (typeof peter)[]) =>
  openNote(bytes, verifiers).verified.map((s) => s.name)

describe('notes signed by other implementations', () => {
  test.each(Object.entries(NOTES).filter(([, v]) => v.vkeys.length > 0))(
    '%s opens under its keys',
    (_, vector) => {
      const { verified } = openNote(
        utf8(vector.note),
        vector.vkeys.map((v) => verifierOf(v)),
      )
      expect(verified.length).toBeGreaterThan(0)
    },
  )

  test('every byte of the signed text counts', () => {
    const bytes = utf8(NOTES.specExample.note)
    const end = NOTES.specExample.note.indexOf('\n\n')
    for (let i = 0; i < end; i++) {
      const forged = Uint8Array.from(bytes)
      forged[i] = bytes[i] === 0x61 ? 0x62 : 0x61
      expect(codeOf(() => openNote(forged, [verifierOf(NOTES.specExample.vkeys[0]!)]))).toBe(
        'signature_invalid',
      )
    }
  })
})

describe('which signatures count', () => {
  test('signatures of unknown keys are ignored next to a known one', () => {
    expect(opened(note(PETER, ENOCH), peter)).toEqual(['PeterNeumann'])
    expect(opened(note(PETER, ENOCH), enoch, peter)).toEqual(['PeterNeumann', 'EnochRoot'])
  })

  test('a note without any known signature is refused', () => {
    expect(codeOf(() => opened(note(PETER, ENOCH)))).toBe('signature_missing')
    expect(codeOf(() => opened(note(PETER), enoch))).toBe('signature_missing')
  })

  test('a signature that shares only the name or only the key ID with a known key is unknown', () => {
    expect(codeOf(() => opened(note(PETER.replace('PeterNeumann', 'CarmenSandiego')), peter))).toBe(
      'signature_missing',
    )
    expect(codeOf(() => opened(note(PETER.replace('x08g', 'xxxx')), peter))).toBe('signature_missing')
  })

  test('one bad signature of a known key refuses the note, whatever else is good', () => {
    const bad = `${ENOCH.slice(0, 60)}ABCD${ENOCH.slice(60)}`
    expect(codeOf(() => opened(note(PETER, bad), peter, enoch))).toBe('signature_invalid')
    expect(opened(note(PETER, bad), peter)).toEqual(['PeterNeumann'])
  })

  test('further lines of a known key are dropped after the first, good or bad', () => {
    const bad = `${PETER.slice(0, 60)}ABCD${PETER.slice(60)}`
    expect(opened(note(PETER, PETER, bad), peter)).toEqual(['PeterNeumann'])
    expect(codeOf(() => opened(note(bad, PETER), peter))).toBe('signature_invalid')
  })

  test('two different known keys of one name and ID are ambiguous; the same key twice is not', () => {
    const impostor = { ...peter, vkey: `${peter.vkey}?` }
    expect(codeOf(() => opened(note(PETER), peter, impostor))).toBe('signature_invalid')
    expect(opened(note(ENOCH), peter, impostor, enoch)).toEqual(['EnochRoot'])
    expect(opened(note(PETER), peter, peter)).toEqual(['PeterNeumann'])
  })
})

describe('what is not a note', () => {
  const cases: [string, string | Uint8Array][] = [
    ['empty', ''],
    ['text alone', `${TEXT}\n`],
    ['text and empty line alone', `${TEXT}\n\n`],
    ['no newline at the end', `${TEXT}\n\n${PETER.slice(0, -1)}`],
    ['a control character', `\u0001${TEXT}\n\n${PETER}`],
    ['a tab', `a\tb\n\n${PETER}`],
    ['carriage returns', `${TEXT}\r\n\r\n${PETER}`],
    ['a space in the name', `${TEXT}\n\n— Bad Name ${PETER.split(' ')[2]}`],
    ['a plus in the name', `${TEXT}\n\n${PETER.replace('Peter', 'Peter+')}`],
    ['no name', `${TEXT}\n\n—  ${PETER.split(' ')[2]}`],
    ['no signature', `${TEXT}\n\n— PeterNeumann\n`],
    ['an empty signature', `${TEXT}\n\n— PeterNeumann \n`],
    ['a key ID without a signature', `${TEXT}\n\n— PeterNeumann x08goA==\n`],
    ['two spaces', `${TEXT}\n\n${PETER.replace(' x08', '  x08')}`],
    ['text after the signature', `${TEXT}\n\n${PETER.replace('\n', ' more\n')}`],
    ['base64 without padding', `${TEXT}\n\n${PETER.replace('=', '')}`],
    ['base64 with bits after the end', `${TEXT}\n\n${PETER.replace('M=', 'N=')}`],
    ['a hyphen for the dash', `${TEXT}\n\n${PETER.replace('—', '-')}`],
    ['an unexpected line', `${TEXT}\n\n${PETER}Unexpected line.\n`],
    ['101 signatures', `${TEXT}\n\n${PETER.repeat(101)}`],
    ['an empty line after the signatures', `${TEXT}\n\n${PETER}\n`],
    ['one byte too many', new Uint8Array(MAX_NOTE_SIZE + 1).fill(0x61)],
  ]
  test.each(cases)('%s', (_, source) => {
    expect(codeOf(() => parseNote(typeof source === 'string' ? utf8(source) : source))).toBe('invalid_note')
  })

  test('bytes that are not UTF-8', () => {
    expect(codeOf(() => parseNote(Uint8Array.of(0xff, ...note(PETER))))).toBe('invalid_utf8')
  })
})

test('100 signatures are read', () => {
  expect(parseNote(note(PETER.repeat(100))).signatures).toHaveLength(100)
})

test('the text ends at the last empty line, and may hold others', () => {
  const parsed = parseNote(utf8(`a\n\nb\n\n\n${PETER}`))
  expect(parsed.text).toBe('a\n\nb\n\n')
  expect(parseNote(utf8(`\n\n${PETER}`)).text).toBe('\n')
})

test('a byte order mark belongs to the signed text', () => {
  expect(parseNote(utf8(`\ufeffa\n\n${PETER}`)).textBytes).toEqual(
    Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0x0a),
  )
  expect(codeOf(() => opened(utf8(`\ufeff${TEXT}\n\n${PETER}`), peter))).toBe('signature_invalid')
})

test('a note parsed from a Buffer does not change with it', () => {
  const buffer = Buffer.from(NOTES.specExample.note)
  const parsed = parseNote(buffer)
  buffer.fill(0)
  expect(openNote(parsed, [verifierOf(NOTES.specExample.vkeys[0]!)]).verified).toHaveLength(1)
})

test('parts that make no note cannot be formatted', () => {
  const good = { name: 'a', keyId: 1, blob: Uint8Array.of(1) }
  expect(codeOf(() => formatNote('abc', [good]))).toBe('invalid_note')
  expect(codeOf(() => formatNote('', [good]))).toBe('invalid_note')
  expect(codeOf(() => formatNote('a\tb\n', [good]))).toBe('invalid_note')
  expect(codeOf(() => formatNote('abc\n', []))).toBe('invalid_note')
  expect(codeOf(() => formatNote('abc\n', [{ ...good, name: 'a+b' }]))).toBe('invalid_note')
  expect(codeOf(() => formatNote('abc\n', [{ ...good, name: 'a b' }]))).toBe('invalid_note')
  expect(codeOf(() => formatNote('abc\n', [{ ...good, blob: new Uint8Array() }]))).toBe('invalid_note')
  expect(codeOf(() => formatNote('abc\n', [{ ...good, keyId: 2 ** 32 }]))).toBe('invalid_number')
  expect(codeOf(() => formatNote('\ud800\n', [good]))).toBe('invalid_utf8')
})

test('any note that can be formatted parses to itself', () => {
  const signature = fc.record({
    name: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter(validKeyName),
    keyId: fc.nat(0xffffffff),
    blob: fc.uint8Array({ minLength: 1, maxLength: 100 }),
  })
  const text = fc.string({ unit: 'binary', maxLength: 60 }).map((s) => `${s.replaceAll(/\p{Cc}/gu, '\n')}\n`)
  fc.assert(
    fc.property(text, fc.array(signature, { minLength: 1, maxLength: 5 }), (body, signatures) => {
      const bytes = formatNote(body, signatures)
      expect(parseNote(bytes)).toEqual({ text: body, textBytes: utf8(body), signatures })
    }),
  )
})

test('a mutated note is refused with an error of ours, or formats back to the same bytes and does not verify unless the text is intact', () => {
  const vector = NOTES.goNote
  const original = utf8(vector.note)
  fc.assert(
    fc.property(fc.nat(2), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255), (how, at, value) => {
      const bytes = mutate(original, how, at, value)
      const codes = codeOf(() => {
        const parsed = parseNote(bytes)
        expect(toBase64(formatNote(parsed.text, parsed.signatures))).toBe(toBase64(bytes))
        const { verified } = openNote(parsed, [peter])
        expect(verified.length === 1 && parsed.text).toBe(`${TEXT}\n`)
      })
      expect([undefined, 'invalid_note', 'invalid_utf8', 'signature_missing', 'signature_invalid']).toContain(
        codes,
      )
    }),
    { numRuns: 500 },
  )
})
