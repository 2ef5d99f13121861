import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AuditError } from '../../../src/audit/event/errors.ts'
import { createHecAcks, hecChannel } from '../../../src/audit/ingest/hec-ack.ts'
import { hecAnswer, HecError, hecRefusal } from '../../../src/audit/ingest/hec-answers.ts'
import { parseHec, parseHecRaw } from '../../../src/audit/ingest/hec.ts'
import { MAX_EVENTS } from '../../../src/audit/ingest/native.ts'
import type { ParsedBody } from '../../../src/audit/ingest/types.ts'

const RECEIVED = '2026-01-31T12:00:00Z'
const bytes = (text: string) => new TextEncoder().encode(text)
const parse = (...records: readonly unknown[]) =>
  parseHec(bytes(records.map((record) => JSON.stringify(record)).join('')), RECEIVED).incoming
const eventOf = (record: unknown) => {
  const [one] = parse(record)
  if (one?.kind !== 'event') throw new Error(`quarantined: ${one?.reason.message}`)
  return one.event
}
const refusalOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    if (error instanceof HecError) return { status: error.status, ...error.body }
    throw error
  }
  return undefined
}

/** How many records, or -1 when it was refused as it may be. */
const recordsOf = (work: () => ParsedBody) => {
  try {
    return work().incoming.length
  } catch (error) {
    if (error instanceof HecError || error instanceof AuditError) return -1
    throw error
  }
}

describe('a record of /services/collector', () => {
  test('Fluent Bit: text, metadata and fields', () => {
    expect(
      eventOf({
        time: 1735689600.123456,
        host: 'web-1',
        source: '/var/log/app.log',
        sourcetype: 'app',
        index: 'main',
        event: 'user logged in',
        fields: { env: 'prod' },
      }),
    ).toEqual({
      time: '2025-01-01T00:00:00.123456Z',
      action: 'log.record',
      outcome: 'unknown',
      message: 'user logged in',
      src: { host: 'web-1' },
      extra: {
        hec: { source: '/var/log/app.log', sourcetype: 'app', index: 'main', fields: { env: 'prod' } },
      },
    })
  })

  test.each([
    [1735689600, '2025-01-01T00:00:00Z'],
    ['1735689600.000001', '2025-01-01T00:00:00.000001Z'],
    [1735689600.999999, '2025-01-01T00:00:00.999999Z'],
    ['1735689600.123456789', '2025-01-01T00:00:00.123456789Z'],
    [1735689600123, '2025-01-01T00:00:00.123Z'],
    [0, '1970-01-01T00:00:00Z'],
    ['2025-01-01T01:00:00+01:00', '2025-01-01T00:00:00Z'],
  ])('time %j is exactly %s', (time, expected) => {
    expect(eventOf({ time, event: 'x' }).time).toBe(expected)
  })

  test('every microsecond of a double is exact', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_102_444_800 }), fc.nat({ max: 999_999 }), (seconds, micros) => {
        const decimal = `${seconds}.${String(micros).padStart(6, '0')}`
        const [one] = parseHec(bytes(`{"time":${decimal},"event":"x"}`), RECEIVED).incoming
        const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
        const fraction = String(micros).padStart(6, '0').replace(/0+$/, '')
        expect(one).toMatchObject({ event: { time: `${whole}${fraction && `.${fraction}`}Z` } })
      }),
    )
  })

  test('GitHub: its audit log inside event is mapped', () => {
    const event = eventOf({
      event: {
        '@timestamp': 1606929874512,
        _document_id: 'd1',
        action: 'repo.create',
        actor: 'octocat',
        repo: 'o/r',
      },
    })
    expect(event).toEqual({
      id: 'd1',
      time: '2020-12-02T17:24:34.512Z',
      action: 'repo.create',
      outcome: 'unknown',
      actor: { id: 'octocat', type: 'user' },
      targets: [{ type: 'repo', id: 'o/r' }],
    })
  })

  test('a native event inside event, as an object or as text, is that event with the frame as defaults', () => {
    const native = {
      action: 'user.login',
      outcome: 'failure',
      actor: { id: 'u1' },
      src: { ip: '192.0.2.1' },
      extra: { a: 1 },
    }
    const frame = { time: 1735689600, host: 'web-1', source: 's' }
    const expected = {
      ...native,
      time: '2025-01-01T00:00:00Z',
      src: { ip: '192.0.2.1', host: 'web-1' },
      extra: { a: 1, hec: { source: 's' } },
    }
    expect(eventOf({ ...frame, event: native })).toEqual(expected)
    expect(eventOf({ ...frame, event: JSON.stringify(native) })).toEqual(expected)
  })

  test('an object of no known shape is kept under extra, a scalar too', () => {
    expect(eventOf({ time: 1, event: { a: { b: 1 }, c: [2] } })).toMatchObject({
      action: 'log.record',
      extra: { a: { b: 1 }, c: [2] },
    })
    expect(eventOf({ time: 1, event: 17 })).toMatchObject({ action: 'log.record', extra: { event: 17 } })
    expect(eventOf({ time: 1, event: { line: 'x', tag: 'docker' } })).toMatchObject({
      extra: { line: 'x', tag: 'docker' },
    })
  })

  test('text that looks like JSON and is none stays text', () => {
    for (const text of ['{"action":}', '{"action":"a","actor":7}', '{not json}', '@cee: {'])
      expect(eventOf({ time: 1, event: text })).toMatchObject({ action: 'log.record', message: text })
  })

  test('without a time it has that of the request, and equal records stay apart', () => {
    const [first, second] = parse({ event: 'same' }, { event: 'same' })
    expect(first).toMatchObject({ event: { time: RECEIVED, extra: { hec: { number: 0 } } } })
    expect(second).toMatchObject({ event: { time: RECEIVED, extra: { hec: { number: 1 } } } })
  })

  test('with a time of the sender nothing depends on the request', () => {
    const record = { time: 1735689600.5, event: 'same' }
    const alone = parseHec(bytes(JSON.stringify(record)), RECEIVED).incoming[0]
    const later = parseHec(
      bytes(JSON.stringify({ event: 'x' }) + JSON.stringify(record)),
      '2027-01-01T00:00:00Z',
    )
    expect(later.incoming[1]).toEqual(alone)
  })
})

describe('the body of /services/collector', () => {
  test.each([
    ['one after the other', '{"time":1,"event":"a"}{"time":1,"event":"b"}\n{"time":1,"event":"c"}\r\n\r\n'],
    ['an array', '[{"time":1,"event":"a"},{"time":1,"event":"b"},{"time":1,"event":"c"}]'],
  ])('%s: every record, in order', (_, body) => {
    const parsed = parseHec(bytes(body), RECEIVED)
    expect(parsed.single).toBe(false)
    expect(parsed.incoming.map((one) => one.kind === 'event' && one.event.message)).toEqual(['a', 'b', 'c'])
  })

  test('a bad record among others is quarantined with its bytes', () => {
    const bad = [
      '{"time":1}',
      '{"time":1,"event":""}',
      '{"time":"soon","event":"x"}',
      '{"event":"x","event":"y"}',
      '{"event":}',
    ]
    for (const text of bad) {
      const { incoming } = parseHec(bytes(`{"time":1,"event":"a"}${text}{"time":1,"event":"c"}`), RECEIVED)
      expect(incoming, text).toMatchObject([{ kind: 'event' }, { kind: 'raw', raw: text }, { kind: 'event' }])
    }
  })

  test.each([
    ['', 5, undefined],
    [' \r\n ', 5, undefined],
    ['[]', 5, undefined],
    ['event=x', 6, 0],
    ['"x"', 6, 0],
    ['{"event":', 6, 0],
    ['[{"event":"x"}', 6, 0],
    ['[1,2]', 6, 0],
    ['{"time":1}', 12, 0],
    ['{"event":""}', 13, 0],
    ['{"event":" \\n"}', 13, 0],
    ['{"event":null}{"time":1}', 13, 0],
  ])('%j is refused with code %d', (body, code, number) => {
    const refusal = refusalOf(() => parseHec(bytes(body), RECEIVED))
    expect(refusal).toMatchObject({ status: 400, code })
    expect(refusal?.['invalid-event-number']).toBe(number)
  })

  test('there is a limit to the events of one request', () => {
    const body = '{"event":"x"}'.repeat(MAX_EVENTS + 1)
    expect(() => parseHec(bytes(body))).toThrow(expect.objectContaining({ code: 'too_many_events' }))
    expect(() => parseHecRaw(bytes('x\n'.repeat(MAX_EVENTS + 1)), new URLSearchParams())).toThrow(
      expect.objectContaining({ code: 'too_many_events' }),
    )
  })

  test('whatever bytes come, they are refused in words of HEC or kept', () => {
    const fragments = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '"event"',
      '"x"',
      '{"event":"x"}',
      '\n',
      '1',
    )
    const text = fc.array(fragments, { maxLength: 30 }).map((parts) => bytes(parts.join('')))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), text), (body) => {
        for (const parser of [parseHec, (all: Uint8Array) => parseHecRaw(all, new URLSearchParams())])
          expect(recordsOf(() => parser(body))).not.toBe(0)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('lines of /services/collector/raw', () => {
  test('each is an event with what the query says; equal ones stay apart', () => {
    const query = new URLSearchParams('channel=x&host=web-1&sourcetype=app&time=1735689600')
    const { incoming } = parseHecRaw(bytes('same\r\n\n  \nsame\n{"action":"a.b","id":"1"}'), query, RECEIVED)
    const common = { time: '2025-01-01T00:00:00Z', outcome: 'unknown', src: { host: 'web-1' } }
    expect(incoming.map((one) => one.kind === 'event' && one.event)).toEqual([
      { ...common, action: 'log.record', message: 'same', extra: { hec: { sourcetype: 'app', number: 0 } } },
      { ...common, action: 'log.record', message: 'same', extra: { hec: { sourcetype: 'app', number: 1 } } },
      { ...common, action: 'a.b', id: '1', extra: { hec: { sourcetype: 'app' } } },
    ])
  })

  test('a line that is no UTF-8 is quarantined, and costs no other', () => {
    const { incoming } = parseHecRaw(Uint8Array.of(0x61, 10, 0xff, 10, 0x62), new URLSearchParams(), RECEIVED)
    expect(incoming).toMatchObject([
      { event: { message: 'a' } },
      { reason: { code: 'not_utf8' } },
      { event: { message: 'b' } },
    ])
  })

  test('no line is no data', () => {
    expect(refusalOf(() => parseHecRaw(bytes('\n \n'), new URLSearchParams()))).toMatchObject({ code: 5 })
  })
})

describe('answers', () => {
  test('success is exactly what senders look for', () => {
    expect(hecAnswer()).toEqual({ status: 200, body: { text: 'Success', code: 0 } })
    expect(hecAnswer(0)).toEqual({ status: 200, body: { text: 'Success', code: 0, ackId: 0 } })
  })

  test.each([
    [2, 401, 'Token is required'],
    [3, 401, 'Invalid authorization'],
    [4, 403, 'Invalid token'],
    [5, 400, 'No data'],
    [6, 400, 'Invalid data format'],
    [9, 503, 'Server is busy'],
    [10, 400, 'Data channel is missing'],
    [11, 400, 'Invalid data channel'],
    [12, 400, 'Event field is required'],
    [13, 400, 'Event field cannot be blank'],
    [14, 400, 'ACK is disabled'],
  ] as const)('code %d is %d %s', (code, status, text) => {
    const error = new HecError(code, 3)
    expect(error.status).toBe(status)
    expect(error.body).toEqual({ text, code, 'invalid-event-number': 3 })
  })

  test('a refusal from elsewhere keeps its status, and a fault of ours is always worth another try', () => {
    expect(hecRefusal(401, 'unauthorized')).toEqual({
      status: 401,
      body: { text: 'Invalid authorization', code: 3 },
    })
    expect(hecRefusal(403, 'forbidden').body.code).toBe(4)
    expect(hecRefusal(413, 'body_too_large', 'at most 64 MiB')).toEqual({
      status: 413,
      body: { text: 'Invalid data format: at most 64 MiB', code: 6 },
    })
    expect(hecRefusal(429, 'rate_limited')).toMatchObject({ status: 429, body: { code: 9 } })
    for (const status of [500, 502, 503, 504]) expect(hecRefusal(status, 'x').status).toBe(503)
    expect(new HecError(8).status).toBe(503)
  })
})

describe('acknowledgements', () => {
  const CHANNEL = 'FE0ECFAD-13D5-401B-847D-77833BD77131'
  const OTHER = '11111111-1111-1111-1111-111111111111'
  const ask = (...ids: readonly unknown[]) => bytes(JSON.stringify({ acks: ids }))

  test('ids count from 0 in each channel of each owner, and are true as soon as they are given', () => {
    const acks = createHecAcks()
    expect([acks.issue('k1', CHANNEL), acks.issue('k1', CHANNEL), acks.issue('k1', OTHER)]).toEqual([0, 1, 0])
    expect(acks.issue('k2', CHANNEL)).toBe(0)
    expect(acks.answer('k1', CHANNEL, ask(0, 1, 2))).toEqual({ acks: { 0: true, 1: true, 2: false } })
    expect(acks.answer('k2', CHANNEL, ask(0, 1))).toEqual({ acks: { 0: true, 1: false } })
    expect(acks.answer('k3', CHANNEL, ask(0))).toEqual({ acks: { 0: false } })
  })

  test('a channel is the same in either case of its letters, and asking twice is fine', () => {
    const acks = createHecAcks()
    acks.issue('k', CHANNEL)
    for (let n = 0; n < 2; n++)
      expect(acks.answer('k', CHANNEL.toLowerCase(), ask(0))).toEqual({ acks: { 0: true } })
  })

  test('memory is bounded: the channel that was quiet longest is forgotten, and its ids are false', () => {
    const acks = createHecAcks({ channels: 2 })
    const third = OTHER.replaceAll('1', '3')
    acks.issue('k', CHANNEL)
    acks.issue('k', OTHER)
    acks.answer('k', CHANNEL, ask(0))
    acks.issue('k', third)
    expect(acks.answer('k', CHANNEL, ask(0))).toEqual({ acks: { 0: true } })
    expect(acks.answer('k', OTHER, ask(0))).toEqual({ acks: { 0: false } })
  })

  test('however many channels one sender opens, those of another stay acknowledged', () => {
    const acks = createHecAcks()
    acks.issue('victim', CHANNEL)
    for (let n = 0; n < 12_000; n++)
      acks.issue('greedy', `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`)
    expect(acks.answer('victim', CHANNEL, ask(0))).toEqual({ acks: { 0: true } })
  })

  test('polling a channel that nobody sent to takes no memory', () => {
    const acks = createHecAcks({ channels: 1 })
    acks.issue('k', CHANNEL)
    acks.answer('k', OTHER, ask(0))
    expect(acks.answer('k', CHANNEL, ask(0))).toEqual({ acks: { 0: true } })
  })

  test.each([
    '',
    '{}',
    '[]',
    '{"acks":1}',
    '{"acks":["0"]}',
    '{"acks":[-1]}',
    '{"acks":[0.5]}',
    '{"acks":[0',
    '{"acks":null}',
  ])('the poll %j is refused with code 6', (body) => {
    expect(refusalOf(() => createHecAcks().answer('k', CHANNEL, bytes(body)))).toMatchObject({
      status: 400,
      code: 6,
    })
  })

  test('a poll has a limit', () => {
    const acks = createHecAcks({ polled: 2 })
    expect(Object.keys(acks.answer('k', CHANNEL, ask(0, 1)).acks)).toHaveLength(2)
    expect(refusalOf(() => acks.answer('k', CHANNEL, ask(0, 1, 2)))).toMatchObject({ code: 6 })
  })

  test('the channel comes from the header, else from the query, and is a UUID', () => {
    expect(hecChannel(CHANNEL, OTHER)).toBe(CHANNEL.toLowerCase())
    expect(hecChannel(undefined, OTHER)).toBe(OTHER)
    expect(hecChannel(undefined, undefined)).toBeUndefined()
    for (const bad of ['x', `${OTHER}0`, `${OTHER}\n`])
      expect(refusalOf(() => hecChannel(bad, undefined))).toMatchObject({ status: 400, code: 11 })
    expect(refusalOf(() => createHecAcks().issue('k', 'x'))).toMatchObject({ code: 11 })
  })
})
