import fc from 'fast-check'
import { Writer } from 'protobufjs/minimal.js'
import { describe, expect, test } from 'vitest'
import { AuditError } from '../../../src/audit/event/errors.ts'
import type { Incoming } from '../../../src/audit/event/types.ts'
import { parseOtlpLogs } from '../../../src/audit/ingest/otlp.ts'
import {
  any,
  attributes,
  encode,
  encodeProtobuf,
  type KeyValue,
  type Record_,
  requestOf,
} from './otlp-encode.ts'
import { bytes, parse, refusal, TIME } from './otlp-read.ts'

const ENCODINGS = ['protobuf', 'json'] as const

const extraOf = (incoming: Incoming | undefined): Record<string, unknown> => {
  if (incoming?.kind !== 'event') throw new Error('no event')
  return incoming.event.extra ?? {}
}

describe.each(ENCODINGS)('%s', (encoding) => {
  test('every record of a request comes out, in order, over all resources and scopes', () => {
    const record = (id: number): Record_ => ({
      timeUnixNano: TIME,
      attributes: attributes({ 'audit.record.id': `r${id}` }),
    })
    const body = encode[encoding]({
      resourceLogs: [
        {
          scopeLogs: [
            { logRecords: [record(0), record(1)] },
            { logRecords: [] },
            { logRecords: [record(2)] },
          ],
        },
        { scopeLogs: [] },
        { scopeLogs: [{ logRecords: [record(3), record(4)] }] },
      ],
    })
    const ids = parse(body, encoding).map((one) => (one.kind === 'event' ? one.event.id : one.raw))
    expect(ids).toEqual(['r0', 'r1', 'r2', 'r3', 'r4'])
    expect(parseOtlpLogs(body, encoding).single).toBe(false)
  })

  test('64-bit values keep every digit: numbers where they are exact, else decimal text', () => {
    const values = {
      min: -(2n ** 63n),
      max: 2n ** 63n - 1n,
      unsafe: 2n ** 53n,
      safe: 2n ** 53n - 1n,
      negative: -1n,
      zero: 0n,
      word: 2n ** 31n,
    }
    const [one] = parse(
      encode[encoding](requestOf([{ timeUnixNano: TIME, attributes: attributes(values) }])),
      encoding,
    )
    expect(extraOf(one)).toEqual({
      min: '-9223372036854775808',
      max: '9223372036854775807',
      unsafe: '9007199254740992',
      safe: 9007199254740991,
      negative: -1,
      zero: 0,
      word: 2147483648,
    })
  })

  test('times keep their nanoseconds', () => {
    const body = encode[encoding](
      requestOf([{ timeUnixNano: TIME, observedTimeUnixNano: '1714041600000000001' }]),
    )
    expect(parse(body, encoding)).toMatchObject([
      { event: { time: '2024-04-25T10:40:00.123456789Z', observed_time: '2024-04-25T10:40:00.000000001Z' } },
    ])
  })

  test('a value that is empty is not a value that is absent', () => {
    const values: KeyValue[] = [
      ...attributes({ text: '', no: false, zero: 0n, point: 0 }),
      { key: 'bytes', value: { bytesValue: Buffer.alloc(0) } },
      { key: 'list', value: { arrayValue: { values: [] } } },
      { key: 'map', value: { kvlistValue: { values: [] } } },
      { key: 'nothing', value: {} },
    ]
    const [one] = parse(encode[encoding](requestOf([{ timeUnixNano: TIME, attributes: values }])), encoding)
    expect(extraOf(one)).toEqual({
      text: '',
      no: false,
      zero: 0,
      point: 0,
      bytes: '',
      list: [],
      map: {},
      nothing: null,
    })
  })

  test('doubles that JSON has no number for are kept by their names', () => {
    const values = attributes({
      a: Number.NaN,
      b: Number.POSITIVE_INFINITY,
      c: Number.NEGATIVE_INFINITY,
      d: 1.5e300,
    })
    const [one] = parse(encode[encoding](requestOf([{ timeUnixNano: TIME, attributes: values }])), encoding)
    expect(extraOf(one)).toEqual({ a: 'NaN', b: 'Infinity', c: '-Infinity', d: 1.5e300 })
  })

  test('values nested too deep cost their own record only', () => {
    const nested = (levels: number): KeyValue['value'] =>
      levels === 0 ? any('x') : { kvlistValue: { values: [{ key: 'k', value: nested(levels - 1) }] } }
    const of = (levels: number): Record_ => ({
      timeUnixNano: TIME,
      attributes: [{ key: 'deep', value: nested(levels) }],
    })
    const incoming = parse(encode[encoding](requestOf([of(30), of(31), of(90), of(140), of(1)])), encoding)
    const outcomes = incoming.map((one) => (one.kind === 'raw' ? one.reason.code : one.kind))
    expect(outcomes).toEqual(['event', 'too_deep', 'too_deep', 'too_deep', 'event'])
  })

  test('a repeated key costs its own record only', () => {
    const twice = [...attributes({ k: 'a' }), ...attributes({ k: 'b' })]
    const mapped = [...attributes({ 'user.id': 'a' }), ...attributes({ 'user.id': 'b' })]
    const inMap: KeyValue[] = [{ key: 'm', value: { kvlistValue: { values: twice } } }]
    const records = [twice, mapped, inMap, attributes({ k: 'a' })].map((of) => ({
      timeUnixNano: TIME,
      attributes: of,
    }))
    expect(parse(encode[encoding](requestOf(records)), encoding)).toMatchObject([
      { kind: 'raw', reason: { code: 'duplicate_name' } },
      { kind: 'raw', reason: { code: 'duplicate_name' } },
      { kind: 'raw', reason: { code: 'duplicate_name' } },
      { kind: 'event' },
    ])
  })

  test('a key named __proto__ is a key', () => {
    const values = [
      ...attributes({ ['__proto__']: 'x' }),
      { key: 'm', value: { kvlistValue: { values: attributes({ ['__proto__']: 'y' }) } } },
    ]
    const [one] = parse(encode[encoding](requestOf([{ timeUnixNano: TIME, attributes: values }])), encoding)
    expect(JSON.stringify(extraOf(one))).toBe('{"__proto__":"x","m":{"__proto__":"y"}}')
  })

  test('an empty request is one', () => {
    expect(parse(encode[encoding]({ resourceLogs: [] }), encoding)).toEqual([])
  })

  test('random bytes and cut requests are refused as invalid_otlp or read, and never anything else', () => {
    const whole = encode[encoding](
      requestOf(
        [
          { timeUnixNano: TIME, body: any('text'), attributes: attributes({ a: 'b', n: 5n }) },
          { eventName: 'e' },
        ],
        { 'service.name': 's' },
        { name: 'scope' },
      ),
    )
    const attempt = (body: Uint8Array): boolean => {
      try {
        return Array.isArray(parse(body, encoding))
      } catch (error) {
        return error instanceof AuditError && error.code === 'invalid_otlp'
      }
    }
    for (let size = 0; size <= whole.length; size++) expect(attempt(whole.subarray(0, size))).toBe(true)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => attempt(body)),
      { numRuns: 2_000 },
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const copy = Uint8Array.from(whole)
        for (const [at, byte] of changes) copy[at] = byte
        return attempt(copy)
      }),
      { numRuns: 2_000 },
    )
  })

  test('nothing of a request is in the message that refuses it', () => {
    const cut = encode[encoding](requestOf([{ timeUnixNano: TIME, body: any('secret') }])).subarray(0, -2)
    expect(JSON.stringify(refusal(cut, encoding)) + refusal(cut, encoding).message).not.toContain('secret')
  })
})

describe('protobuf', () => {
  test('a request without its end is refused wherever it was cut', () => {
    const whole = encodeProtobuf(requestOf([{ timeUnixNano: TIME, body: any('text') }]))
    for (let size = 1; size < whole.length; size++) {
      expect(refusal(whole.subarray(0, size), 'protobuf').code).toBe('invalid_otlp')
    }
  })

  test('an empty body is an empty request', () => {
    expect(parse(new Uint8Array(0), 'protobuf')).toEqual([])
  })

  test('another message, of which nothing is known, is not answered as if it had been kept', () => {
    expect(refusal(bytes('hello world'), 'protobuf').code).toBe('invalid_otlp')
    expect(refusal(Uint8Array.of(0x68, 1), 'protobuf').message).toContain('resource_logs')
  })

  test('unknown fields are skipped, and so are known ones that are written in another way', () => {
    const record = encodeProtobuf(requestOf([{ timeUnixNano: TIME, body: any('kept') }]))
    // field 20 as varint, 21 as fixed64, 22 as bytes, 23 as fixed32, 24 as a group; field 1 as varint
    const unknown = Buffer.from('a001ffff03a9010102030405060708b20103616263bd0101020304c301c4010805', 'hex')
    expect(parse(Buffer.concat([unknown, record, unknown]), 'protobuf')).toMatchObject([
      { event: { message: 'kept' } },
    ])
  })

  test('a record of which the bytes are damaged costs itself only, and its bytes are kept', () => {
    const record = (body: string): Record_ => ({ timeUnixNano: TIME, body: any(body) })
    const body = Buffer.from(encodeProtobuf(requestOf([record('first'), record('DAMAGE'), record('last')])))
    const at = body.indexOf('DAMAGE')
    body[at - 1] = 0x7f // longer than what holds it
    const incoming = parse(body, 'protobuf')
    expect(incoming).toMatchObject([{ kind: 'event' }, { kind: 'raw' }, { kind: 'event' }])
    const [, damaged] = incoming
    const kept =
      damaged?.kind === 'raw' ? Buffer.from(damaged.raw.split(',').pop() ?? '', 'base64') : Buffer.alloc(0)
    expect(kept.includes('DAMAGE') || (damaged?.kind === 'raw' && damaged.raw.includes('DAMAGE'))).toBe(true)
  })

  test('text that is not UTF-8 is never replaced', () => {
    const body = Buffer.from(
      encodeProtobuf(
        requestOf([
          { timeUnixNano: TIME, body: any('ABCD') },
          { timeUnixNano: TIME, body: any('fine \uFFFD') },
        ]),
      ),
    )
    body[body.indexOf('ABCD')] = 0xff
    expect(parse(body, 'protobuf')).toMatchObject([{ kind: 'raw' }, { event: { message: 'fine \uFFFD' } }])
  })

  test('a damaged resource or scope makes its records raw, and no others', () => {
    const records = [{ timeUnixNano: TIME }]
    const body = Buffer.from(
      encodeProtobuf({
        resourceLogs: [
          { resource: { attributes: attributes({ RESOURCE: 'x' }) }, scopeLogs: [{ logRecords: records }] },
          { scopeLogs: [{ scope: { name: 'SCOPE' }, logRecords: records }, { logRecords: records }] },
        ],
      }),
    )
    expect(parse(body, 'protobuf').map(({ kind }) => kind)).toEqual(['event', 'event', 'event'])
    body[body.indexOf('RESOURCE') - 1] = 0x7f // longer than what holds it
    expect(parse(body, 'protobuf').map(({ kind }) => kind)).toEqual(['raw', 'event', 'event'])
    body[body.indexOf('SCOPE')] = 0xff
    expect(parse(body, 'protobuf').map(({ kind }) => kind)).toEqual(['raw', 'raw', 'event'])
  })

  test('no nesting exhausts the stack', () => {
    const wrap = (field: number, inner: Buffer): Buffer =>
      Buffer.concat([
        Writer.create()
          .uint32((field << 3) | 2)
          .uint32(inner.length)
          .finish(),
        inner,
      ])
    let value: Buffer = Buffer.alloc(0)
    for (let levels = 0; levels < 5_000; levels++) value = wrap(5, wrap(1, value))
    const time = Buffer.from('090100000000000000', 'hex')
    const body = wrap(
      1,
      wrap(2, Buffer.concat([wrap(2, Buffer.concat([time, wrap(5, value)])), wrap(2, time)])),
    )
    expect(parse(body, 'protobuf')).toMatchObject([
      { kind: 'raw', reason: { code: 'too_deep' } },
      { kind: 'event' },
    ])
  })

  test('keys that look alike are not taken for one another', () => {
    const keys = ['abcd', 'aXcd', 'abcd', 'ab\u00fcd', 'ab\u00fdd', 'k'.repeat(64), 'k'.repeat(65), '']
    const records = keys.map((key) => ({ timeUnixNano: TIME, attributes: attributes({ [key]: 'v' }) }))
    const read = parse(encodeProtobuf(requestOf(records)), 'protobuf').map(extraOf)
    expect(read).toEqual(keys.map((key) => ({ [key]: 'v' })))
  })

  test('the same request in a plain array of bytes is the same', () => {
    const body = encodeProtobuf(
      requestOf([{ timeUnixNano: TIME, body: any('größer als 64 Zeichen: '.repeat(9)) }]),
    )
    expect(parse(Uint8Array.from(body), 'protobuf')).toEqual(parse(Buffer.from(body), 'protobuf'))
  })

  test('the resource may stand behind its records', () => {
    const parts = (message: Uint8Array): Buffer[] => {
      // ResourceLogs: the resource (field 1), then the scopes (field 2)
      const inner = Buffer.from(message.subarray(2))
      const size = 2 + (inner[1] ?? 0)
      return [inner.subarray(size), inner.subarray(0, size)]
    }
    const whole = encodeProtobuf(requestOf([{ timeUnixNano: TIME }], { 'service.name': 's' }))
    const turned = Buffer.concat([whole.subarray(0, 2), ...parts(whole)])
    expect(turned).not.toEqual(Buffer.from(whole))
    expect(parse(turned, 'protobuf')).toEqual(parse(whole, 'protobuf'))
  })
})
