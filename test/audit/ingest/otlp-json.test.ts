import { describe, expect, test } from 'vitest'
import { bytes, parse, refusal, TIME } from './otlp-read.ts'

describe('JSON', () => {
  const one = (record: string): Uint8Array =>
    bytes(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[${record}]}]}]}`)

  test('64-bit integers are read from text and from numbers', () => {
    for (const [time, int] of [
      [`"${TIME}"`, '"9007199254740993"'],
      [TIME, '9007199254740993'],
    ]) {
      const [read] = parse(
        one(`{"timeUnixNano":${time},"attributes":[{"key":"n","value":{"intValue":${int}}}]}`),
        'json',
      )
      expect(read).toMatchObject({
        event: { time: '2024-04-25T10:40:00.123456789Z', extra: { n: '9007199254740993' } },
      })
    }
  })

  test('unknown names are ignored and null is as good as nothing', () => {
    const [read] = parse(
      one(
        `{"timeUnixNano":"${TIME}","body":null,"attributes":null,"newField":{"a":[1]},"traceId":null,"severityNumber":null}`,
      ),
      'json',
    )
    expect(read).toEqual({
      kind: 'event',
      format: 'otlp',
      event: { time: '2024-04-25T10:40:00.123456789Z', action: 'log.record', outcome: 'unknown' },
    })
  })

  test('ids are hex in either case, and zeros are none', () => {
    const [read] = parse(
      one(
        `{"timeUnixNano":"${TIME}","traceId":"0102030405060708090A0B0C0D0E0F10","spanId":"0000000000000000"}`,
      ),
      'json',
    )
    expect(read).toMatchObject({ event: { trace_id: '0102030405060708090a0b0c0d0e0f10' } })
    expect(read).not.toHaveProperty('event.span_id')
  })

  test('a bare array, as Vector makes it, is refused with the advice that helps', () => {
    expect(refusal(bytes('[{"resourceLogs":[]}]'), 'json').message).toContain('codec: otlp')
  })

  test('an object that is no request is not answered as if it had been kept', () => {
    expect(refusal(bytes('{"action":"user.login"}'), 'json').message).toContain('resourceLogs')
    expect(refusal(bytes('{"resource_logs":[]}'), 'json').code).toBe('invalid_otlp')
    expect(parse(bytes('{}'), 'json')).toEqual([])
  })

  test.each([
    ['half a surrogate pair', '{"timeUnixNano":"1","body":{"stringValue":"\\ud800"}}', 'lone_surrogate'],
    ['a repeated name', '{"timeUnixNano":"1","eventName":"a","eventName":"b"}', 'duplicate_name'],
    ['a number beyond all doubles', '{"timeUnixNano":"1","body":{"doubleValue":1e999}}', 'unsafe_number'],
    ['no JSON', '{"timeUnixNano":"1","eventName":nothing}', 'not_json'],
    ['a value of an unknown kind', '{"timeUnixNano":"1","body":{"string_value":"x"}}', 'invalid_event'],
    ['text for a number', '{"timeUnixNano":"yesterday"}', 'invalid_event'],
    [
      'an integer out of range',
      '{"timeUnixNano":"1","body":{"intValue":"9223372036854775808"}}',
      'invalid_event',
    ],
    ['an id that is not hex', '{"timeUnixNano":"1","traceId":"AQIDBA=="}', 'invalid_event'],
    ['no object', '"text"', 'invalid_event'],
  ])('a record with %s costs itself only, and is kept as it came', (_, record, code) => {
    const good = `{"timeUnixNano":"${TIME}"}`
    const incoming = parse(one(`${good},${record} , ${good}`), 'json')
    expect(incoming).toMatchObject([
      { kind: 'event' },
      { kind: 'raw', raw: record, reason: { code } },
      { kind: 'event' },
    ])
  })

  test('bytes that are not UTF-8 cost their record only', () => {
    const body = Buffer.from(one(`{"eventName":"XX"},{"timeUnixNano":"${TIME}"}`))
    body[body.indexOf('XX')] = 0xff
    expect(parse(body, 'json')).toMatchObject([
      { kind: 'raw', reason: { code: 'not_utf8' } },
      { kind: 'event' },
    ])
  })

  test('a resource or scope that cannot be read makes its records raw, and no others', () => {
    const [record, other] = [`{"timeUnixNano":"${TIME}"}`, `{"timeUnixNano":"${TIME}","eventName":"other"}`]
    for (const broken of [
      '"resource":{"attributes":[{"key":5}]},"scopeLogs":[{',
      '"resource":7,"scopeLogs":[{',
      '"scopeLogs":[{"scope":{"name":[]},',
    ]) {
      const text = `{"resourceLogs":[{${broken}"logRecords":[${record}]}]},{"scopeLogs":[{"logRecords":[${other}]}]}]}`
      expect(parse(bytes(text), 'json')).toMatchObject([
        { kind: 'raw', raw: record, reason: { code: 'invalid_event' } },
        { event: { action: 'other' } },
      ])
    }
  })

  test('what is wrong around the records refuses the request', () => {
    for (const text of [
      '',
      'null',
      '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}',
      '{"resourceLogs":{}}',
      '{"resourceLogs":[{"scopeLogs":[{"logRecords":{}}]}]}',
      '{"resourceLogs":[{"resource":{"a":1,"a":2},"scopeLogs":[{"logRecords":[{}]}]}]}',
    ]) {
      expect(refusal(bytes(text), 'json').code).toBe('invalid_otlp')
    }
  })
})
