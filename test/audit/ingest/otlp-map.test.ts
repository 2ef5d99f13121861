import { expect, test } from 'vitest'
import type { AuditEvent, Incoming } from '../../../src/audit/event/types.ts'
import { parseOtlpLogs } from '../../../src/audit/ingest/otlp.ts'
import { any, attributes, encodeProtobuf, type KeyValue, type Record_, requestOf } from './otlp-encode.ts'

const TIME = '1714041600000000000'
const BASE = { time: '2024-04-25T10:40:00Z', action: 'log.record', outcome: 'unknown' }

function incomingOf(
  record: Record_,
  resource?: { [key: string]: string },
  scope?: { name?: string; version?: string },
): Incoming {
  const [incoming] = parseOtlpLogs(
    encodeProtobuf(requestOf([{ timeUnixNano: TIME, ...record }], resource, scope)),
    'protobuf',
  ).incoming
  if (incoming === undefined) throw new Error('nothing came out')
  return incoming
}

function eventOf(
  record: Record_,
  resource?: { [key: string]: string },
  scope?: { name?: string },
): AuditEvent {
  const incoming = incomingOf(record, resource, scope)
  if (incoming.kind === 'raw') throw new Error(incoming.reason.message)
  return incoming.event
}

const withAttributes = (of: Parameters<typeof attributes>[0]): AuditEvent =>
  eventOf({ attributes: attributes(of) })

test('the attributes of the audit draft and of the semantic conventions are the fields of the event', () => {
  const event = eventOf(
    {
      observedTimeUnixNano: '1714041600001000000',
      severityNumber: 9,
      body: any('Alice changed a document'),
      traceId: Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex'),
      spanId: Buffer.from('0102030405060708', 'hex'),
      attributes: attributes({
        'audit.record.id': 'r1',
        'audit.actor.id': 'u8472',
        'audit.actor.type': 'user',
        'user.name': 'Alice',
        'user.email': 'alice@example.com',
        'audit.action': 'UPDATE',
        'audit.outcome': 'success',
        'audit.target.id': 'doc-1',
        'audit.target.type': 'document',
        'audit.target.name': 'Plan',
        'client.address': '192.0.2.1',
        'client.port': 51_324n,
        'http.request.method': 'PUT',
        'url.path': '/documents/1',
        'url.query': 'force=true',
        'http.response.status_code': 200n,
        'user_agent.original': 'curl/8',
        'session.id': 's1',
      }),
    },
    { 'service.name': 'documents', 'service.version': '2.3', 'device.id': 'd1' },
  )
  expect(event).toEqual({
    id: 'r1',
    time: '2024-04-25T10:40:00Z',
    observed_time: '2024-04-25T10:40:00.001Z',
    action: 'UPDATE',
    outcome: 'success',
    actor: { id: 'u8472', type: 'user', name: 'Alice', email: 'alice@example.com' },
    targets: [{ id: 'doc-1', type: 'document', name: 'Plan' }],
    src: { ip: '192.0.2.1', port: 51_324 },
    http: { method: 'PUT', path: '/documents/1', query: 'force=true', status: 200, user_agent: 'curl/8' },
    auth: { session_id: 's1' },
    device: { id: 'd1' },
    service: { name: 'documents', version: '2.3' },
    trace_id: '0102030405060708090a0b0c0d0e0f10',
    span_id: '0102030405060708',
    severity: 9,
    message: 'Alice changed a document',
  })
})

test('of two attributes for one field the better is taken, in either order, and the other is kept', () => {
  const actors: KeyValue[] = attributes({ 'user.id': 'c', 'audit.actor.id': 'a', 'enduser.id': 'b' })
  for (const list of [actors, actors.toReversed(), [...actors.slice(1), ...actors.slice(0, 1)]]) {
    expect(eventOf({ attributes: list })).toEqual({
      ...BASE,
      actor: { id: 'a' },
      extra: { 'user.id': 'c', 'enduser.id': 'b' },
    })
  }
  expect(withAttributes({ 'log.record.uid': 'l' })).toEqual({ ...BASE, id: 'l' })
  expect(withAttributes({ 'log.record.uid': 'l', 'audit.record.id': 'a' })).toEqual({
    ...BASE,
    id: 'a',
    extra: { 'log.record.uid': 'l' },
  })
  expect(withAttributes({ 'source.address': '10.0.0.1', 'client.address': '10.0.0.2' })).toEqual({
    ...BASE,
    src: { ip: '10.0.0.2' },
    extra: { 'source.address': '10.0.0.1' },
  })
})

test('an address that is no IP address is a host', () => {
  expect(withAttributes({ 'audit.source.id': '2001:db8::1' }).src).toEqual({ ip: '2001:db8::1' })
  expect(withAttributes({ 'audit.source.id': 'laptop.example', 'audit.source.type': 'hostname' })).toEqual({
    ...BASE,
    src: { host: 'laptop.example' },
    extra: { 'audit.source.type': 'hostname' },
  })
})

test('a value that does not fit its field is kept under its name', () => {
  const values = {
    'audit.record.id': 'x'.repeat(257),
    'audit.outcome': 'denied',
    'http.response.status_code': 'teapot',
    'audit.actor.id': '',
    'session.id': true,
  }
  expect(withAttributes(values)).toEqual({ ...BASE, extra: values })
})

test('numbers are text where a field is text, and text is a number where it is one', () => {
  const event = withAttributes({ 'user.id': 9007199254740993n, 'http.response.status_code': '404' })
  expect(event).toEqual({ ...BASE, actor: { id: '9007199254740993' }, http: { status: 404 } })
})

test('the name of the event is the action where no attribute says it, and is kept where they differ', () => {
  expect(eventOf({ eventName: 'user.login' })).toEqual({ ...BASE, action: 'user.login' })
  const both = { eventName: 'user.login', attributes: attributes({ 'audit.action': 'LOGIN' }) }
  expect(eventOf(both)).toEqual({ ...BASE, action: 'LOGIN', extra: { event_name: 'user.login' } })
  expect(eventOf({ eventName: 'e'.repeat(300) })).toEqual({ ...BASE, extra: { event_name: 'e'.repeat(300) } })
})

test('everything else is kept in extra: attributes, resource, scope, and the rest of the record', () => {
  const event = eventOf(
    {
      severityNumber: 25,
      severityText: 'AUDIT',
      flags: 1,
      droppedAttributesCount: 2,
      attributes: attributes({ 'app.tenant': 't1', resource: 'mine', scope: 7n }),
    },
    { 'host.name': 'h1', 'service.name': 'documents' },
    { name: 'lib' },
  )
  expect(event).toEqual({
    ...BASE,
    service: { name: 'documents' },
    extra: {
      resource: { 'host.name': 'h1' },
      scope: { name: 'lib' },
      'app.tenant': 't1',
      'attributes.resource': 'mine',
      'attributes.scope': 7,
      severity_number: 25,
      severity_text: 'AUDIT',
      flags: 1,
      dropped: 2,
    },
  })
})

test('schema and attributes of the scope are kept with it', () => {
  const { incoming } = parseOtlpLogs(
    encodeProtobuf({
      resourceLogs: [
        {
          schemaUrl: 'https://example.com/resource',
          scopeLogs: [
            {
              scope: { name: 'a', version: '1', attributes: attributes({ k: 'v' }) },
              logRecords: [{ timeUnixNano: TIME }],
            },
            { schemaUrl: 'https://example.com/scope', logRecords: [{ timeUnixNano: TIME }] },
          ],
        },
      ],
    }),
    'protobuf',
  )
  expect([...incoming].map((one) => (one.kind === 'event' ? one.event.extra : one))).toEqual([
    {
      scope: { name: 'a', version: '1', schema_url: 'https://example.com/resource', attributes: { k: 'v' } },
    },
    { scope: { schema_url: 'https://example.com/scope' } },
  ])
})

test('a structured body is the parameters, and text beyond a message is kept whole', () => {
  const body = { kvlistValue: { values: attributes({ from: 'viewer', count: 3n }) } }
  expect(eventOf({ body })).toEqual({ ...BASE, params: { from: 'viewer', count: 3 } })
  expect(eventOf({ body: { arrayValue: { values: [any('a'), any(1n)] } } })).toEqual({
    ...BASE,
    params: ['a', 1],
  })
  expect(eventOf({ body: any(false) })).toEqual({ ...BASE, params: false })
  expect(eventOf({ body: any('x'.repeat(65_537)) })).toEqual({ ...BASE, extra: { body: 'x'.repeat(65_537) } })
})

test('what the resource says of the service wins over the record, whose word is kept', () => {
  const event = eventOf({ attributes: attributes({ 'service.name': 'b' }) }, { 'service.name': 'a' })
  expect(event).toEqual({ ...BASE, service: { name: 'a' }, extra: { 'service.name': 'b' } })
  expect(withAttributes({ 'service.name': 'b' })).toEqual({ ...BASE, service: { name: 'b' } })
})

test('without a time the observed time is the time, and without both it is no event: never the time of receipt', () => {
  expect(eventOf({ timeUnixNano: '0', observedTimeUnixNano: TIME })).toEqual({
    ...BASE,
    observed_time: BASE.time,
  })
  expect(incomingOf({ timeUnixNano: '0' })).toMatchObject({ kind: 'raw', reason: { code: 'invalid_event' } })
})

test('a record without an id has none: the log derives one from its contents', () => {
  expect(eventOf({})).toEqual(BASE)
})

test('years that RFC 3339 has no name for cannot be sent, and the first and last that can are kept', () => {
  expect(eventOf({ timeUnixNano: '1' }).time).toBe('1970-01-01T00:00:00.000000001Z')
  expect(eventOf({ timeUnixNano: '18446744073709551615' }).time).toBe('2554-07-21T23:34:33.709551615Z')
})

test('an event beyond all bounds is quarantined, with its size', () => {
  const incoming = incomingOf({ attributes: attributes({ big: 'x'.repeat(300_000) }) })
  expect(incoming).toMatchObject({ kind: 'raw', reason: { code: 'too_large' } })
  expect(incoming.kind === 'raw' && incoming.size).toBeGreaterThan(300_000)
})

test('the attributes of a signature are evidence and no fields', () => {
  const incoming = incomingOf(
    { attributes: attributes({ 'audit.integrity.value': 'AAAA', a: 'b' }) },
    { 'audit.integrity.algorithm': 'EdDSA' },
  )
  expect(incoming).toEqual({
    kind: 'event',
    format: 'otlp',
    event: { ...BASE, extra: { a: 'b' } },
    signature: { result: 'unknown_key', alg: 'EdDSA' },
    evidence: { integrity: { algorithm: 'EdDSA', value: 'AAAA' } },
  })
})
