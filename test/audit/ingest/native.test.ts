import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Incoming } from '../../../src/audit/event/types.ts'
import { MAX_EVENTS, parseNative as parse } from '../../../src/audit/ingest/native.ts'
import type { ParsedBody } from '../../../src/audit/ingest/types.ts'

/** With all records read, which come one by one: as many as were said to come, and the same each time. */
function parseNative(...sent: Parameters<typeof parse>): ParsedBody {
  const { incoming, single } = parse(...sent)
  const all = [...incoming]
  expect(all).toHaveLength(incoming.length)
  expect([...incoming]).toEqual(all)
  return { incoming: all, single }
}

const JSON_TYPE = 'application/json'
const NDJSON = 'application/x-ndjson'

const bytes = (text: string) => new TextEncoder().encode(text)
const event = (n: number) => ({ time: '2026-01-31T12:00:00Z', action: 'doc.read', actor: { id: `u${n}` } })
const events = (count: number) => Array.from({ length: count }, (_, n) => event(n))
const actors = (incoming: readonly Incoming[]) =>
  incoming.map((one) => (one.kind === 'event' ? one.event.actor?.id : one.reason.code))
const only = (body: string, type = JSON_TYPE) => {
  const { incoming } = parseNative(bytes(body), type)
  expect(incoming).toHaveLength(1)
  const [one] = incoming
  return one!
}
const eventOf = (body: string) => {
  const one = only(body)
  if (one.kind !== 'event') throw new Error(`quarantined: ${one.reason.code} ${one.reason.message}`)
  return one.event
}

describe('framing', () => {
  test('one object is one event, alone', () => {
    const parsed = parseNative(bytes(JSON.stringify(event(0))), JSON_TYPE)
    expect(parsed.single).toBe(true)
    expect(actors(parsed.incoming)).toEqual(['u0'])
  })

  test.each([
    ['an array', JSON_TYPE, JSON.stringify(events(3))],
    [
      'an array with white space',
      `${JSON_TYPE}; charset=utf-8`,
      `\r\n ${JSON.stringify(events(3), null, 2)}\n`,
    ],
    ['an array after a byte order mark', JSON_TYPE, `\uFEFF${JSON.stringify(events(3))}`],
    [
      'concatenated objects',
      JSON_TYPE,
      events(3)
        .map((e) => JSON.stringify(e))
        .join(''),
    ],
    [
      'concatenated objects on lines',
      JSON_TYPE,
      events(3)
        .map((e) => JSON.stringify(e))
        .join('\n'),
    ],
    [
      'lines',
      NDJSON,
      events(3)
        .map((e) => JSON.stringify(e))
        .join('\n'),
    ],
    [
      'lines with a last line end',
      'application/jsonl',
      events(3)
        .map((e) => `${JSON.stringify(e)}\n`)
        .join(''),
    ],
    [
      'lines as on Windows',
      'application/json-lines',
      events(3)
        .map((e) => `${JSON.stringify(e)}\r\n`)
        .join(''),
    ],
    [
      'lines with blank ones',
      'Application/X-NDJSON; v=1',
      `\n\n${events(3)
        .map((e) => JSON.stringify(e))
        .join('\n \n\t\n')}\n\n`,
    ],
  ])('%s: every event, in order', (_, type, body) => {
    const parsed = parseNative(bytes(body), type)
    expect(parsed.single).toBe(false)
    expect(actors(parsed.incoming)).toEqual(['u0', 'u1', 'u2'])
  })

  test.each(['', ' \n\t', '[]', ' [ ] '])('%j holds no event', (body) => {
    expect(parseNative(bytes(body), JSON_TYPE)).toEqual({ incoming: [], single: false })
  })

  test('brackets and quotes inside strings do not end anything', () => {
    const nasty = { ...event(1), message: '"]},{[\\" \\', extra: { 'a"]}': ['[', '\\'] } }
    const body = JSON.stringify([event(0), nasty, event(2)])
    expect(actors(parseNative(bytes(body), JSON_TYPE).incoming)).toEqual(['u0', 'u1', 'u2'])
  })

  test.each([
    [
      'an array',
      JSON_TYPE,
      (bad: string) => `[${JSON.stringify(event(0))},${bad},${JSON.stringify(event(2))}]`,
    ],
    ['lines', NDJSON, (bad: string) => [JSON.stringify(event(0)), bad, JSON.stringify(event(2))].join('\n')],
  ])('in %s a bad record is quarantined with its bytes, and costs no other', (_, type, body) => {
    const cases = [
      ['{"action":}', 'not_json'],
      ['{"action":"a","action":"b"}', 'duplicate_name'],
      ['{"action":"\\ud800"}', 'lone_surrogate'],
      ['{"action":1e999}', 'unsafe_number'],
      ['{"time":"then","action":"a"}', 'invalid_event'],
      ['17', 'invalid_event'],
    ] as const
    for (const [bad, code] of cases) {
      const { incoming } = parseNative(bytes(body(bad)), type)
      const [, quarantined] = incoming
      expect(actors(incoming)[0], bad).toBe('u0')
      expect(actors(incoming)[2], bad).toBe('u2')
      expect(quarantined, bad).toMatchObject({ kind: 'raw', raw: bad, size: bad.length })
      expect(actors(incoming)[1], bad).toBe(code)
    }
  })

  test.each([
    '[{"action":"a"}',
    '[{"action":"a"},]',
    '[{"action":"a"}}',
    '[{}] trailing',
    'action=a',
    '"text"',
    '[,]',
    '["a',
  ])('the brackets of %j are broken: one raw record, alone, with all of it', (body) => {
    const parsed = parseNative(bytes(body), JSON_TYPE)
    expect(parsed.single).toBe(true)
    expect(parsed.incoming).toMatchObject([{ kind: 'raw', raw: body, reason: { code: 'not_json' } }])
  })

  test('an object that does not close takes the rest with it, and nothing before it', () => {
    const body = `${JSON.stringify(event(0))}${JSON.stringify(event(1))}{"action":"a"`
    expect(actors(parseNative(bytes(body), JSON_TYPE).incoming)).toEqual(['u0', 'u1', 'not_json'])
  })

  test('there is a limit to the events of one request', () => {
    const lines = (count: number) => bytes('{"action":"a"}\n'.repeat(count))
    expect(parseNative(lines(MAX_EVENTS), NDJSON).incoming).toHaveLength(MAX_EVENTS)
    expect(() => parseNative(lines(MAX_EVENTS + 1), NDJSON)).toThrow(
      expect.objectContaining({ code: 'too_many_events' }),
    )
  })

  test('however white space and framing vary, count and order are those of the body', () => {
    const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/)
    const records = fc.array(fc.tuple(fc.json({ maxDepth: 3 }), space), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(records, space, (list, before) => {
        const wrapped = list.map(
          ([json], n) =>
            `{"time":"2026-01-31T12:00:00Z","action":"a","actor":{"id":"u${n}"},"params":${json}}`,
        )
        const expected = wrapped.map((_, n) => `u${n}`)
        const array = `${before}[${wrapped.map((json, n) => before + json + list[n]![1]).join(',')}]`
        const stream = wrapped.map((json, n) => json + list[n]![1]).join('')
        for (const body of [array, stream]) {
          const { incoming } = parseNative(bytes(body), JSON_TYPE)
          expect(incoming).toHaveLength(expected.length)
          // What fast-check makes may hold a number that no double can hold: then it is quarantined in its place.
          const got = incoming.map((one) => (one.kind === 'event' ? one.event.actor?.id : one.raw))
          expect(got).toEqual(incoming.map((one, n) => (one.kind === 'event' ? expected : wrapped)[n]))
        }
      }),
    )
  })

  test('whatever bytes come, they are events or quarantined', () => {
    const fragments = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      ',',
      ':',
      '\n',
      ' ',
      '1',
      'a',
      '"action":"a"',
      '{"a":1}',
      '\u0000',
    )
    const text = fc.array(fragments, { maxLength: 40 }).map((parts) => bytes(parts.join('')))
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 64 }), text),
        fc.constantFrom(JSON_TYPE, NDJSON),
        (body, type) => {
          for (const one of parseNative(body, type).incoming)
            expect(one.kind === 'raw' ? one.size : 0).toBeLessThanOrEqual(body.length)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('shapes that agents send', () => {
  test('Fluent Bit: the text of the log is the message, its date the time', () => {
    const event = eventOf(
      '{"date":1735689600.123456,"log":"GET /health 200","stream":"stdout","kubernetes":{"pod_name":"web-0","namespace_name":"shop"}}',
    )
    expect(event).toMatchObject({
      time: '2025-01-01T00:00:00.123456Z',
      action: 'log.record',
      outcome: 'unknown',
      message: 'GET /health 200',
      extra: { stream: 'stdout', kubernetes: { pod_name: 'web-0', namespace_name: 'shop' } },
    })
  })

  test('Fluent Bit: a log line that is an audit event is that event', () => {
    const inner = {
      action: 'user.login',
      outcome: 'success',
      actor: { id: 'u1' },
      time: '2026-01-31T12:00:00.5Z',
    }
    const event = eventOf(
      JSON.stringify({ date: 1735689600, log: `${JSON.stringify(inner)}\n`, stream: 'stdout' }),
    )
    expect(event).toEqual({ ...inner, extra: { stream: 'stdout' } })
  })

  test('Vector: message, host and timestamp have their places, the rest is kept', () => {
    const event = eventOf(
      '{"file":"/var/log/auth.log","host":"web-1","message":"session opened","source_type":"file","timestamp":"2026-01-31T12:00:00.123456789Z"}',
    )
    expect(event).toEqual({
      time: '2026-01-31T12:00:00.123456789Z',
      action: 'log.record',
      outcome: 'unknown',
      message: 'session opened',
      src: { host: 'web-1' },
      extra: { file: '/var/log/auth.log', source_type: 'file' },
    })
  })

  test('GitHub: flat members become actor, targets and address', () => {
    const event = eventOf(
      JSON.stringify({
        '@timestamp': 1606929874512,
        _document_id: 'xJJFlFOhQ6b-5vaAFy9Rjw',
        action: 'team.add_member',
        actor: 'octocat',
        actor_id: 583231,
        actor_ip: '192.0.2.7',
        actor_location: { country_code: 'DE' },
        created_at: 1606929874512,
        operation_type: 'create',
        org: 'octo-org',
        team: 'octo-org/octo-team',
        user: 'monalisa',
        user_agent: 'Mozilla/5.0',
      }),
    )
    expect(event).toEqual({
      id: 'xJJFlFOhQ6b-5vaAFy9Rjw',
      time: '2020-12-02T17:24:34.512Z',
      action: 'team.add_member',
      outcome: 'unknown',
      actor: { id: 'octocat', type: 'user' },
      targets: [
        { type: 'user', id: 'monalisa' },
        { type: 'org', id: 'octo-org' },
        { type: 'team', id: 'octo-org/octo-team' },
      ],
      src: { ip: '192.0.2.7', geo: { country: 'DE' } },
      http: { user_agent: 'Mozilla/5.0' },
      extra: { actor_id: 583231, created_at: 1606929874512, operation_type: 'create' },
    })
  })

  test('OCSF: an API Activity is mapped, and what has no place is kept as it was', () => {
    const event = eventOf(
      JSON.stringify({
        class_uid: 6003,
        class_name: 'API Activity',
        activity_id: 2,
        category_uid: 6,
        type_uid: 600302,
        severity_id: 3,
        status_id: 2,
        time: 1735689600123,
        message: 'denied',
        metadata: {
          uid: 'evt-1',
          version: '1.3.0',
          product: { name: 'CloudTrail', vendor_name: 'AWS' },
          correlation_uid: 'c-1',
        },
        actor: { user: { uid: 'AIDA1', name: 'mallory', type_id: 1 }, session: { uid: 's-1', is_mfa: true } },
        api: { operation: 'DeleteTrail', request: { uid: 'r-1', data: { name: 'audit' } } },
        src_endpoint: { ip: '203.0.113.9', port: 443, location: { country: 'US' } },
        http_request: { http_method: 'POST', user_agent: 'aws-cli', url: { path: '/', query_string: 'a=1' } },
        resources: [{ uid: 'arn:trail', type: 'trail', name: 'audit' }],
      }),
    )
    expect(event).toMatchObject({
      id: 'evt-1',
      time: '2025-01-01T00:00:00.123Z',
      action: 'DeleteTrail',
      outcome: 'failure',
      severity: 13,
      message: 'denied',
      actor: { id: 'AIDA1', name: 'mallory', type: 'user' },
      auth: { session_id: 's-1', mfa: true },
      params: { name: 'audit' },
      src: { ip: '203.0.113.9', port: 443, geo: { country: 'US' } },
      http: { method: 'POST', path: '/', query: 'a=1', user_agent: 'aws-cli' },
      targets: [{ id: 'arn:trail', type: 'trail', name: 'audit' }],
      service: { name: 'CloudTrail' },
      correlation_id: 'c-1',
    })
    expect(event.extra).toMatchObject({
      ocsf: {
        class_uid: 6003,
        activity_id: 2,
        metadata: { version: '1.3.0', product: { vendor_name: 'AWS' } },
        api: { request: { uid: 'r-1' } },
      },
    })
  })

  test('OCSF: the user of an Authentication is its actor', () => {
    const event = eventOf(
      '{"class_uid":3002,"class_name":"Authentication","activity_id":1,"activity_name":"Logon","status_id":1,"time":1735689600000,"user":{"uid":"u1","email_addr":"u1@example.com"},"is_mfa":false}',
    )
    expect(event).toMatchObject({
      action: 'ocsf.authentication.logon',
      outcome: 'success',
      actor: { id: 'u1', email: 'u1@example.com', type: 'user' },
      auth: { mfa: false },
    })
  })

  test('a value too long for its field is kept under extra instead of costing the event', () => {
    const event = eventOf(JSON.stringify({ timestamp: 1735689600, message: 'm', host: 'h'.repeat(300) }))
    expect(event.src).toBeUndefined()
    expect(event.extra).toEqual({ host: 'h'.repeat(300) })
  })

  test('a record whose shape says nothing is quarantined', () => {
    expect(only('{"hello":"world"}')).toMatchObject({ kind: 'raw', reason: { code: 'invalid_event' } })
  })
})
