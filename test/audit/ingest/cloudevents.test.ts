import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AuditError } from '../../../src/audit/event/errors.ts'
import { abuseHandshake, cloudEventsMode, parseCloudEvents } from '../../../src/audit/ingest/cloudevents.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const STRUCTURED = 'application/cloudevents+json'
const BATCH = 'application/cloudevents-batch+json'
const NONE = new Headers()

const CLOUD_EVENT = {
  specversion: '1.0',
  id: 'A234-1234-1234',
  source: 'https://example.com/shop',
  type: 'com.example.order.refunded',
  subject: 'order/4711',
  time: '2026-01-31T12:00:00.123456789Z',
  datacontenttype: 'application/json',
  data: { amount: 100 },
}

const structured = (value: object) => parseCloudEvents(bytes(JSON.stringify(value)), STRUCTURED, NONE)
const eventOf = (value: object) => {
  const [one] = structured(value).incoming
  if (one?.kind !== 'event') throw new Error(`quarantined: ${one?.reason.message}`)
  return one.event
}
const invalid = expect.objectContaining({ code: 'invalid_cloudevent' })

const MAPPED = {
  id: 'https://example.com/shop A234-1234-1234',
  time: '2026-01-31T12:00:00.123456789Z',
  action: 'com.example.order.refunded',
  outcome: 'unknown',
  targets: [{ id: 'order/4711' }],
  service: { name: 'https://example.com/shop' },
  params: { amount: 100 },
  extra: { datacontenttype: 'application/json' },
}

describe('content modes', () => {
  test('structured', () => {
    const parsed = structured(CLOUD_EVENT)
    expect(parsed.single).toBe(true)
    expect(parsed.incoming).toMatchObject([{ kind: 'event', format: 'cloudevents' }])
    expect(eventOf(CLOUD_EVENT)).toEqual(MAPPED)
  })

  test('binary, as the CloudEvents SDK sends it', () => {
    const headers = new Headers({
      'ce-id': 'A234-1234-1234',
      'ce-source': 'https://example.com/shop',
      'ce-type': 'com.example.order.refunded',
      'ce-specversion': '1.0',
      'ce-subject': 'order/4711',
      'ce-time': '2026-01-31T12:00:00.123456789Z',
      'content-type': 'application/json',
      'user-agent': 'not of the event',
    })
    const parsed = parseCloudEvents(bytes('{"amount":100}'), 'application/json', headers)
    expect(parsed.single).toBe(true)
    expect(parsed.incoming).toEqual([{ kind: 'event', format: 'cloudevents', event: MAPPED }])
  })

  test('the same event in either mode is the same', () => {
    const headers = new Headers({ 'content-type': 'text/plain; charset=utf-8' })
    const { data: _, ...rest } = { ...CLOUD_EVENT, datacontenttype: 'text/plain; charset=utf-8' }
    for (const [name, value] of Object.entries(rest))
      if (name !== 'datacontenttype') headers.set(`ce-${name}`, value)
    const binary = parseCloudEvents(bytes('häh'), 'text/plain', headers)
    expect(binary.incoming).toEqual(structured({ ...rest, data: 'häh' }).incoming)
  })

  test.each([
    ['Euro%20%E2%82%AC%20%F0%9F%98%80', 'Euro € 😀'],
    ['"quoted \\"text\\" %22"', 'quoted "text" "'],
    ['100%', '100%'],
    ['%2525', '%25'],
  ])('the header %s is %s', (value, subject) => {
    const headers = new Headers({
      'ce-id': '1',
      'ce-source': 's',
      'ce-type': 't',
      'ce-specversion': '1.0',
      'ce-time': CLOUD_EVENT.time,
    })
    headers.set('ce-subject', value)
    const { incoming } = parseCloudEvents(new Uint8Array(), '', headers)
    expect(incoming).toMatchObject([{ event: { targets: [{ id: subject }] } }])
  })

  test('binary data that is neither JSON nor text is kept in base64', () => {
    const headers = new Headers({
      'ce-id': '1',
      'ce-source': 's',
      'ce-type': 't',
      'ce-specversion': '1.0',
      'ce-time': CLOUD_EVENT.time,
      'content-type': 'image/png',
    })
    const { incoming } = parseCloudEvents(Uint8Array.of(0xff, 1), 'image/png', headers)
    expect(incoming).toMatchObject([{ event: { params: { data_base64: '/wE=' } } }])
    expect(structured({ ...CLOUD_EVENT, data: undefined, data_base64: '/wE=' }).incoming).toMatchObject([
      { event: { params: { data_base64: '/wE=' } } },
    ])
  })

  test('batch: in order, and a bad event costs no other', () => {
    const bad = { ...CLOUD_EVENT, specversion: '0.3' }
    const all = [CLOUD_EVENT, bad, { ...CLOUD_EVENT, id: 'second' }]
    const parsed = parseCloudEvents(bytes(JSON.stringify(all)), `${BATCH}; charset=utf-8`, NONE)
    expect(parsed.single).toBe(false)
    expect(parsed.incoming).toMatchObject([
      { event: { id: MAPPED.id } },
      { kind: 'raw', raw: JSON.stringify(bad), reason: { code: 'invalid_event' } },
      { event: { id: 'https://example.com/shop second' } },
    ])
    expect(parseCloudEvents(bytes('[]'), BATCH, NONE)).toEqual({ incoming: [], single: false })
  })

  test.each([
    'application/cloudevents+xml',
    'application/cloudevents',
    'application/cloudevents-batch+avro',
    'application/json',
    '',
  ])('the format %j is not understood, and said so', (type) => {
    expect(cloudEventsMode(type, NONE)).toBeUndefined()
    expect(() => parseCloudEvents(bytes('{}'), type, NONE)).toThrow(invalid)
  })

  test('another format is not mistaken for binary mode because of headers', () => {
    expect(cloudEventsMode('application/cloudevents+xml', new Headers({ 'ce-id': '1' }))).toBeUndefined()
  })
})

describe('what is no CloudEvent is refused', () => {
  test.each(['specversion', 'id', 'source', 'type'])('without %s', (name) => {
    for (const value of [undefined, '', 7, null])
      expect(() => structured({ ...CLOUD_EVENT, [name]: value })).toThrow(invalid)
  })

  test.each(['0.3', '1.1', '1', '2.0'])('specversion %s', (specversion) => {
    expect(() => structured({ ...CLOUD_EVENT, specversion })).toThrow(invalid)
    const headers = new Headers({
      'ce-id': '1',
      'ce-source': 's',
      'ce-type': 't',
      'ce-specversion': specversion,
    })
    expect(() => parseCloudEvents(new Uint8Array(), '', headers)).toThrow(invalid)
  })

  test('broken bodies, headers and batches', () => {
    for (const body of ['', '{', '[]', '7', '{"id":1,"id":2}'])
      expect(() => parseCloudEvents(bytes(body), STRUCTURED, NONE), body).toThrow(invalid)
    for (const body of ['', '{}', '[{}', '[{},]'])
      expect(() => parseCloudEvents(bytes(body), BATCH, NONE), body).toThrow(invalid)
    const headers = {
      'ce-id': '1',
      'ce-source': 's',
      'ce-type': 't',
      'ce-specversion': '1.0',
      'content-type': 'application/json',
    }
    expect(() => parseCloudEvents(bytes('{'), 'application/json', new Headers(headers))).toThrow(invalid)
    for (const bad of [{ 'ce-subject': '%ff' }, { 'ce-bad_name': 'x' }, { 'ce-data': 'x' }])
      expect(() => parseCloudEvents(new Uint8Array(), '', new Headers({ ...headers, ...bad }))).toThrow(
        invalid,
      )
  })

  test('a time that is none is quarantined, for the caller to refuse', () => {
    expect(structured({ ...CLOUD_EVENT, time: 'soon' })).toMatchObject({
      single: true,
      incoming: [{ kind: 'raw' }],
    })
    expect(structured({ ...CLOUD_EVENT, time: undefined })).toMatchObject({
      single: true,
      incoming: [{ kind: 'raw' }],
    })
  })
})

describe('attributes', () => {
  test('known extensions have places, the others are kept', () => {
    const event = eventOf({
      ...CLOUD_EVENT,
      correlationid: 'c1',
      causationid: 'c0',
      authtype: 'service_account',
      authid: 'sa-1',
      severitynumber: 17,
      severitytext: 'ERROR',
      recordedtime: '2026-01-31T12:00:01Z',
      sequence: '17',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      dataschema: 'https://example.com/schema',
    })
    expect(event).toEqual({
      ...MAPPED,
      correlation_id: 'c1',
      causation_id: 'c0',
      actor: { id: 'sa-1', type: 'service' },
      severity: 17,
      observed_time: '2026-01-31T12:00:01Z',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      span_id: 'b7ad6b7169203331',
      extra: {
        datacontenttype: 'application/json',
        authtype: 'service_account',
        severitytext: 'ERROR',
        sequence: '17',
        dataschema: 'https://example.com/schema',
      },
    })
  })

  test.each([
    ['user', 'user'],
    ['app_user', 'user'],
    ['api_key', 'service'],
    ['system', 'system'],
    ['unauthenticated', undefined],
  ])('authtype %s is actor type %s', (authtype, type) => {
    expect(eventOf({ ...CLOUD_EVENT, authtype, authid: 'a' }).actor?.type).toBe(type)
  })

  test('an id is that of its source: two sources may use the same', () => {
    expect(eventOf(CLOUD_EVENT).id).not.toBe(
      eventOf({ ...CLOUD_EVENT, source: 'https://example.com/other' }).id,
    )
  })

  test('an id that is too long is its hash, the same each time and another for another', () => {
    const long = (id: string) =>
      eventOf({ ...CLOUD_EVENT, source: `https://example.com/${'x'.repeat(300)}`, id }).id
    expect(long('1')).toMatch(/^cloudevent:[0-9a-f]{64}$/)
    expect(long('1')).toBe(long('1'))
    expect(long('1')).not.toBe(long('2'))
  })

  test('without a time it has the time that it was recorded', () => {
    expect(eventOf({ ...CLOUD_EVENT, time: undefined, recordedtime: '2026-01-31T12:00:01Z' }).time).toBe(
      '2026-01-31T12:00:01Z',
    )
  })

  test('data of our own schema is a native event', () => {
    const data = { action: 'order.refund', outcome: 'success', actor: { id: 'u1' }, id: 'another' }
    const event = eventOf({ ...CLOUD_EVENT, dataschema: 'https://log.example.com/schemas/event.json', data })
    expect(event).toMatchObject({
      id: MAPPED.id,
      action: 'order.refund',
      outcome: 'success',
      actor: { id: 'u1' },
      time: CLOUD_EVENT.time,
    })
    expect(event.params).toBeUndefined()
  })
})

describe('the handshake', () => {
  test('the origin that asks is allowed, at the rate that it asks for or any', () => {
    expect(abuseHandshake(new Headers({ 'WebHook-Request-Origin': 'eventemitter.example.com' }))).toEqual({
      'WebHook-Allowed-Origin': 'eventemitter.example.com',
      'WebHook-Allowed-Rate': '*',
    })
    const headers = new Headers({ 'WebHook-Request-Origin': 'a.example', 'WebHook-Request-Rate': '120' })
    expect(abuseHandshake(headers)['WebHook-Allowed-Rate']).toBe('120')
  })

  test.each([undefined, '', '*', 'https://a.example/', 'a b', '<script>'])(
    'the origin %j is refused',
    (origin) => {
      const headers = new Headers(origin === undefined ? {} : { 'WebHook-Request-Origin': origin })
      expect(() => abuseHandshake(headers)).toThrow(invalid)
    },
  )
})

const outcomeOf = (work: () => unknown) => {
  try {
    work()
    return 'kept'
  } catch (error) {
    if (error instanceof AuditError) return 'refused'
    throw error
  }
}

test('whatever comes, it is refused or kept', () => {
  const value = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.json({ maxDepth: 3 }).map(bytes))
  const name = fc.constantFrom(
    'ce-id',
    'ce-source',
    'ce-type',
    'ce-specversion',
    'ce-time',
    'ce-x',
    'content-type',
  )
  const text = fc.oneof(
    fc.constant('1.0'),
    fc.constant('application/json'),
    fc.stringMatching(/^[ -~]{0,12}$/),
  )
  const headers = fc.array(fc.tuple(name, text), { maxLength: 8 })
  fc.assert(
    fc.property(
      value,
      fc.constantFrom(STRUCTURED, BATCH, 'application/json', 'text/plain'),
      headers,
      (body, type, pairs) => {
        expect(outcomeOf(() => parseCloudEvents(body, type, new Headers(pairs)))).toMatch(/^(kept|refused)$/)
      },
    ),
    { numRuns: 2_000 },
  )
})
