import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sealField } from '../../../src/audit/event/disclosures.ts'
import { nanosOf } from '../../../src/audit/event/time.ts'
import type { Envelope, Json } from '../../../src/audit/event/types.ts'
import { fieldsOf, keyOf, keysOf } from '../../../src/audit/search/keys.ts'
import { rowOf, millisOf } from '../../../src/audit/search/rows.ts'
import { createSipHash } from '../../../src/audit/search/siphash.ts'
import { createTerms } from '../../../src/audit/search/terms.ts'
import { addWords, wordsOf } from '../../../src/audit/search/words.ts'
import { growthOfCost } from '../../support/costs.ts'

const terms = createTerms(new Uint8Array(32).fill(9))

test('SipHash-2-4 gives the vectors of its authors', () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i)
  const hash = createSipHash(bytes.slice(0, 16))
  // vectors.h of the reference implementation, first four bytes of each: of no byte, of 00, of 00 01, …
  const low = (length: number): string => {
    const out = Buffer.alloc(4)
    out.writeUInt32LE(hash(bytes, 0, length))
    return out.toString('hex')
  }
  expect([0, 1, 2, 3, 7, 8, 15].map(low)).toEqual([
    '310e0edd',
    'fd67dc93',
    '5a4fa9d9',
    '2d7efbd7',
    '37d1018b',
    '6224939a',
    'e545be49',
  ])
})

const word = fc.oneof(
  fc.constantFrom(
    'user.login',
    'Alice',
    'a-b_c',
    '~x',
    '192.0.2.7',
    'https://example.com/a?b=c',
    'ÄRGER',
    'K',
    '完了',
  ),
  fc.string({ maxLength: 70 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
)
const text = fc.array(word, { maxLength: 30 }).map((words) => words.join(' '))
const party = fc.record({ id: text, name: text, ref: fc.nat(2), type: word }, { requiredKeys: [] })
const envelope = fc.record(
  {
    id: word,
    action: word,
    outcome: word,
    severity: fc.integer({ min: 1, max: 24 }),
    actor: party,
    targets: fc.array(party, { maxLength: 3 }),
    auth: fc.record({ session_id: word }),
    trace_id: word,
    message: text,
    params: fc.jsonValue({ maxDepth: 3 }),
  },
  { requiredKeys: ['id'] },
)
const fields = fc.uniqueArray(
  fc.tuple(
    fc.constantFrom('actor.id', 'actor.on_behalf_of', 'targets.2.name', 'src.ip', 'message', 'extra.x'),
    fc.oneof(text, party, fc.array(word)),
  ),
  { selector: ([path]) => path },
)

test('a row has exactly the terms of the keys by which its event is recognised', () => {
  fc.assert(
    fc.property(envelope, fields, (clear, personal) => {
      const sealed = personal.map(([path, value]) => sealField('c2FsdHNhbHRzYWx0c2FsdA', path, value as Json))
      const event = {
        v: 1,
        type: 'event',
        source: 'app',
        format: 'native',
        refs: ['rA', 'rB'],
        ...clear,
        _sd: sealed.map(({ digest }) => digest).toSorted(),
        _sd_alg: 'sha-256',
      } as unknown as Envelope
      const disclosures = sealed.map(({ disclosure }) => disclosure)
      const keys = keysOf(event, disclosures)
      const expected = [
        ...[...keys.clear].map((key) => terms.clear(key)),
        ...[...keys.personal].map((key) => terms.personal(key)),
      ]
      const row = [...terms.of(event, fieldsOf(event, disclosures), false)]
      expect(row).toEqual([...new Set(expected)].toSorted((a, b) => a - b))
    }),
    { numRuns: 500 },
  )
})

test('the words of ASCII text are those that the expressions for all text find', () => {
  const ascii = fc.string({
    unit: fc.integer({ min: 0, max: 127 }).map((code) => String.fromCharCode(code)),
    maxLength: 80,
  })
  fc.assert(
    fc.property(ascii, (some) => {
      const [one, other] = [new Set<string>(), new Set<string>()]
      addWords(some, one)
      addWords(`${some} é1`, other) // not ASCII: the other way
      other.delete('é1')
      expect([...one]).toEqual([...other])
    }),
    { numRuns: 2_000 },
  )
})

test('the time of a row is that of the event, rounded down to milliseconds', () => {
  const digits = fc.stringMatching(/^(\.\d{1,9})?$/)
  const date = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(date, digits, (at, fraction) => {
      const time = `${at.toISOString().slice(0, 19)}${fraction}Z`
      const event = { v: 1, type: 'event', id: 'e', source: 's', format: 'native', time } as Envelope
      expect(rowOf({ index: 0, envelope: event, fields: [] }, 0, terms).time).toBe(millisOf(nanosOf(time)))
    }),
  )
})

test('a name is one word: an id, a session or a trace is found whole by its text, and not by its parts', () => {
  const event = {
    v: 1,
    type: 'event',
    id: 'order-1234',
    source: 's',
    format: 'native',
    trace_id: 'T-9',
  } as Envelope
  const { clear } = keysOf(event, [])
  for (const there of [keyOf('id', 'order-1234'), keyOf('w', 'order-1234'), keyOf('w', 't-9')])
    expect(clear.has(there)).toBe(true)
  for (const part of ['1234', 'order', 'native', 'event']) expect(clear.has(keyOf('w', part))).toBe(false)
})

test('marks between letters, however many, cost no more than letters', () => {
  for (const mark of ['!', '.', '-', '\u{1F600}']) {
    const add = (many: number): void => {
      const text = `é${mark.repeat(many)}é`
      const words = new Set<string>()
      addWords(text, words)
      expect(wordsOf(text)).toEqual([])
      expect([...words]).toEqual([])
    }
    expect(growthOfCost(60_000, add)).toBeLessThan(10) // it was up to nine seconds
  }
  expect(wordsOf('«\u{1F600}éa\u{1F600}b»!')).toEqual(['éa\u{1F600}b'])
})

test('an entry that only looks like an event has a row as well, and not one for each dot of its action', () => {
  const looks = (more: object): Envelope =>
    ({ v: 1, type: 'event', id: 'x', source: 's', format: 'native', ...more }) as unknown as Envelope
  let deep: Json = 'word'
  for (let i = 0; i < 20_000; i++) deep = [deep]
  for (const more of [{ time: 'never' }, { time: '2026-13-41T00:00:00Z' }, { extra: deep }])
    expect(rowOf({ index: 0, envelope: looks(more), fields: [] }, 5, terms)).toMatchObject({
      time: 5,
      far: false,
    })
  const dotted = rowOf({ index: 0, envelope: looks({ action: '.'.repeat(60_000) }), fields: [] }, 5, terms)
  expect(dotted.terms.length).toBeLessThan(20)
})
