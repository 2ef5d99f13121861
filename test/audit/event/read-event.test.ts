import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalText } from '../../../src/audit/event/canonical.ts'
import { UnreadableEvent } from '../../../src/audit/event/errors.ts'
import { leafFields } from '../../../src/audit/event/fields.ts'
import { incomingOf, rawIncoming, readEvent } from '../../../src/audit/event/read-event.ts'
import { auditEvent } from '../../../src/audit/event/schema.ts'
import { parseStrictText } from '../../../src/audit/event/strict-json.ts'
import { type Json, MAX_DEPTH, MAX_EVENT_SIZE, RAW_LIMIT } from '../../../src/audit/event/types.ts'
import { utf8 } from '../../support/note-vectors.ts'
import { arbitraryEvent } from './arbitrary-event.ts'

const EVENT = { time: '2026-01-31T12:00:00Z', action: 'document.read', outcome: 'success' }

function refusal(value: Json): { code: string; message: string } | undefined {
  try {
    readEvent(value)
    return undefined
  } catch (error) {
    if (error instanceof UnreadableEvent) return { code: error.code, message: error.message }
    throw error
  }
}

test('what satisfies the schema is read as it is', () => {
  fc.assert(
    fc.property(arbitraryEvent, (event) => {
      expect(auditEvent.safeParse(event).success).toBe(true)
      expect(canonicalText(readEvent(event as Json))).toBe(canonicalText(event))
    }),
  )
})

/** `value` with what is at one of its places replaced. */
function changed(value: Json, at: number, put: Json): Json {
  const copy = JSON.parse(JSON.stringify(value)) as Json
  const places: { of: Record<string, Json>; name: string }[] = []
  const walk = (node: Json): void => {
    if (typeof node !== 'object' || node === null) return
    for (const name of Object.keys(node)) {
      places.push({ of: node as Record<string, Json>, name })
      walk((node as Record<string, Json>)[name]!)
    }
  }
  walk(copy)
  const { of, name } = places[at % places.length]!
  of[name] = put
  return copy
}

const wrongs = fc.oneof(
  fc.constantFrom<Json[]>(
    0,
    -1,
    1.5,
    25,
    70_000,
    '',
    'x',
    'x'.repeat(70_000),
    true,
    [],
    [{}],
    {},
    { id: 1 },
    [1],
    'success',
  ),
  fc.string({ maxLength: 5 }),
)

test('what the schema refuses is refused, and what is read satisfies the schema', () => {
  fc.assert(
    fc.property(arbitraryEvent, fc.nat(), wrongs, (event, at, put) => {
      const sent = changed(event as Json, at, put)
      const refused = refusal(sent)
      const read = refused === undefined ? readEvent(sent) : undefined
      const bySchema = auditEvent.safeParse(sent)
      expect(read === undefined || auditEvent.safeParse(read).success).toBe(true)
      // Times and outcomes are more than their types; empty texts are fields that were not sent.
      const lenient =
        put === '' || bySchema.error?.issues.every(({ path: [first] }) => /outcome|time/.test(String(first)))
      expect(
        lenient === true || bySchema.success === (read !== undefined) || /time/.test(refused?.message ?? ''),
      ).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

test('characters are counted as the schema counts them, not in UTF-16 units', () => {
  for (const count of [31, 32, 33, 64, 65]) {
    const event = { ...EVENT, http: { method: '\u{1f600}'.repeat(count) } }
    expect(refusal(event) === undefined, String(count)).toBe(auditEvent.safeParse(event).success)
    expect(refusal(event) === undefined).toBe(count <= 32)
  }
})

test('every field is read, and one of another type is refused by its path', () => {
  const kinds = new Set<string>()
  for (const { path, kind } of leafFields()) {
    if (kind === 'ours' || kind === 'json' || kind === 'outcome') continue
    kinds.add(kind)
    const names = path.replace('[]', '.0').split('.')
    const sent = names.reduceRight<Json>(
      (inner, name) => (name === '0' ? [inner] : { [name]: inner }),
      kind === 'text' ? 7 : 'SECRET',
    )
    const message = refusal({ ...EVENT, ...(sent as object) })?.message
    expect(message, path).toMatch(new RegExp(`^${path.replace('[]', '.0')}: `))
    expect(message).not.toContain('SECRET')
    expect(message).not.toContain('7,')
  }
  expect(kinds).toEqual(new Set(['text', 'time', 'whole', 'flag', 'open']))
})

describe('what is missing or out of bounds is named', () => {
  test.each<[string, Json, string]>([
    ['no object', [], 'An event is a JSON object.'],
    ['no time', { action: 'a' }, 'time: is missing'],
    ['no action', { time: EVENT.time }, 'action: is missing'],
    ['an empty action', { ...EVENT, action: '' }, 'action: is missing'],
    ['an action that is null', { ...EVENT, action: null }, 'action: is missing'],
    ['a time without offset', { ...EVENT, time: '2026-01-31T12:00:00' }, 'time: Not a time'],
    ['a date that is none', { action: 'a', date: 'yesterday' }, 'date: Not a time'],
    [
      'a long text',
      { ...EVENT, actor: { id: 'x'.repeat(513) } },
      'actor.id: expected text of 1 to 512 characters, not text of 513 characters.',
    ],
    [
      'too many targets',
      { ...EVENT, targets: Array<Json>(65).fill({}) },
      'targets: expected a list of at most 64, not a list of 65.',
    ],
    ['a target that is none', { ...EVENT, targets: [{}, 'x'] }, 'targets.1: expected an object, not text.'],
    [
      'a severity of 25',
      { ...EVENT, severity: 25 },
      'severity: expected a whole number from 1 to 24, not a number.',
    ],
    ['an actor that is text', { ...EVENT, actor: 'x' }, 'actor: expected an object'],
  ])('%s', (_, sent, message) => {
    expect(refusal(sent)).toEqual({
      code: 'invalid_event',
      message: expect.stringContaining(message) as string,
    })
  })
})

test('nothing is dropped: what the vocabulary has no name for goes to extra, whole', () => {
  const sent = parseStrictText(`{
    "time": "2026-01-31T12:00:00Z", "action": "a", "outcome": "denied", "source": "me", "__proto__": {"x": 1}, "enriched": ["src.geo"],
    "actor": {"id": "u", "department": "d", "ref": 1, "on_behalf_of": {"x": null}},
    "targets": [{}, {"owner": [1]}], "src": {"geo": {"lat": 1.5}},
    "extra": {"mine": 1, "source": "first"}, "big": 12345678901234567890
  }`)
  const { extra, ...event } = readEvent(sent)
  expect(event).toEqual({
    time: '2026-01-31T12:00:00Z',
    action: 'a',
    outcome: 'unknown',
    actor: { id: 'u', on_behalf_of: {} },
    targets: [{}, {}],
    src: { geo: {} },
  })
  expect(Object.fromEntries(Object.entries(extra!))).toEqual({
    mine: 1,
    source: 'first',
    source_: 'me',
    outcome: 'denied',
    ['__proto__']: { x: 1 },
    enriched: ['src.geo'],
    'actor.department': 'd',
    'actor.ref': 1,
    'actor.on_behalf_of.x': null,
    'targets.1.owner': [1],
    'src.geo.lat': 1.5,
    big: '12345678901234567890',
  })
  expect(Object.keys(extra!)).toContain('__proto__')
})

test('null, and the empty text of a field that cannot be empty, mean that it was not sent', () => {
  expect(
    readEvent({
      ...EVENT,
      id: '',
      actor: null,
      src: { ip: null, host: '' },
      message: '',
      params: null,
      severity: null,
    }),
  ).toEqual({
    ...EVENT,
    src: {},
    message: '',
  })
})

describe('the time', () => {
  test.each<[string, Json, string]>([
    ['a number of seconds', { time: 1_700_000_000.25 }, '2023-11-14T22:13:20.25Z'],
    [
      'nanoseconds beyond 2^53',
      parseStrictText('{"time":1700000000123456789}'),
      '2023-11-14T22:13:20.123456789Z',
    ],
    ['the date that Fluent Bit writes', { date: 1_700_000_000.123457 }, '2023-11-14T22:13:20.123457Z'],
    ['of 1970', { time: 0 }, '1970-01-01T00:00:00Z'],
    ['of 2100', { time: '2100-01-01T00:00:00Z' }, '2100-01-01T00:00:00Z'],
  ])('may be %s', (_, sent, time) => {
    expect(readEvent({ ...(sent as object), action: 'a' })).toEqual({ time, action: 'a', outcome: 'unknown' })
  })

  test('is not the date when there is a time', () => {
    expect(readEvent({ ...EVENT, date: 1 })).toEqual({ ...EVENT, extra: { date: 1 } })
  })
})

describe('bounds', () => {
  test('on the size are exact, whatever characters it is made of', () => {
    for (const character of ['x', 'ü', '\u0001', '"', '\u{1f600}']) {
      const size = (count: number) =>
        utf8(canonicalText({ ...EVENT, params: character.repeat(count) })).length
      const each = size(2) - size(1)
      const count = Math.floor((MAX_EVENT_SIZE - size(0)) / each)
      expect(refusal({ ...EVENT, params: character.repeat(count) }), character).toBeUndefined()
      expect(refusal({ ...EVENT, params: character.repeat(count + 1) })).toMatchObject({ code: 'too_large' })
      expect(refusal({ ...EVENT, params: character.repeat(count + 1) })?.message).toContain('262144')
    }
  })

  test('hold for what adapters make too', () => {
    let deep: Json = 1
    for (let i = 0; i < MAX_DEPTH; i++) deep = [deep]
    expect(refusal({ ...EVENT, params: deep })?.code).toBe('too_deep')
    expect(refusal({ ...EVENT, params: '\ud800' })?.code).toBe('lone_surrogate')
    expect(refusal({ ...EVENT, '\udc00': 1 })?.code).toBe('lone_surrogate')
    expect(refusal({ ...EVENT, params: Number.NaN })?.code).toBe('unsafe_number')
  })
})

describe('a record that is no event', () => {
  test('is kept as it was sent, with the reason', () => {
    const sent = utf8('{"action":7}')
    expect(incomingOf({ action: 7 }, 'native', sent)).toEqual({
      kind: 'raw',
      format: 'native',
      raw: '{"action":7}',
      size: 12,
      reason: {
        code: 'invalid_event',
        message: 'action: expected text of 1 to 256 characters, not a number.',
      },
    })
    expect(incomingOf(EVENT, 'hec', sent)).toEqual({ kind: 'event', format: 'hec', event: EVENT })
  })

  const why = new UnreadableEvent('not_json', 'This is not JSON.')

  test('is kept as a data URL when it is not UTF-8', () => {
    expect(rawIncoming(Uint8Array.of(0xff, 0x00), 'syslog', why)).toMatchObject({
      raw: 'data:application/octet-stream;base64,/wA=',
      size: 2,
    })
  })

  test('is cut when it is long, and told apart from others by its hash', () => {
    const long = rawIncoming(utf8('x'.repeat(RAW_LIMIT + 1)), 'native', why)
    const longer = rawIncoming(utf8('x'.repeat(RAW_LIMIT + 2)), 'native', why)
    expect(long).toMatchObject({ raw: 'x'.repeat(RAW_LIMIT), size: RAW_LIMIT + 1 })
    expect(long.kind === 'raw' && long.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(long.kind === 'raw' && long.sha256).not.toBe(longer.kind === 'raw' && longer.sha256)
    const whole = rawIncoming(utf8('x'.repeat(RAW_LIMIT)), 'native', why)
    expect(whole.kind === 'raw' && 'sha256' in whole).toBe(false)
  })

  test('is not cut through a character', () => {
    const cut = rawIncoming(utf8(`${'x'.repeat(RAW_LIMIT - 1)}\u{1f600}`), 'native', why)
    expect(cut.kind === 'raw' && cut.raw).toBe('x'.repeat(RAW_LIMIT - 1))
  })
})
