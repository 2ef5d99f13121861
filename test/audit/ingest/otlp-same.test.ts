import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Incoming } from '../../../src/audit/event/types.ts'
import { encodeJson, encodeProtobuf, type KeyValue, type Record_, requestOf } from './otlp-encode.ts'
import { parse } from './otlp-read.ts'

test('protobuf and JSON of one request are the same events', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 })
  const value: fc.Arbitrary<KeyValue['value']> = fc.letrec<{ any: KeyValue['value'] }>((tie) => ({
    any: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      text.map((stringValue) => ({ stringValue })),
      fc.boolean().map((boolValue) => ({ boolValue })),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((int) => ({ intValue: String(int) })),
      // JSON has no sign of zero.
      fc.double().map((double) => ({ doubleValue: double === 0 ? 0 : double })),
      fc.uint8Array({ maxLength: 10 }).map((some) => ({ bytesValue: Buffer.from(some) })),
      fc.array(tie('any'), { maxLength: 3 }).map((values) => ({ arrayValue: { values } })),
      fc
        .array(fc.record({ key: text, value: tie('any') }), { maxLength: 3 })
        .map((values) => ({ kvlistValue: { values } })),
      fc.constant({}),
    ),
  })).any
  const key = fc.oneof(
    text,
    fc.constantFrom('audit.record.id', 'user.id', 'enduser.id', 'client.address', 'audit.action', 'url.path'),
  )
  const nanos = fc.oneof(fc.constant('0'), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String))
  const id = (size: number) =>
    fc.uint8Array({ minLength: size, maxLength: size }).map((some) => Buffer.from(some))
  const record: fc.Arbitrary<Record_> = fc.record(
    {
      timeUnixNano: nanos,
      observedTimeUnixNano: nanos,
      severityNumber: fc.integer({ min: 0, max: 30 }),
      severityText: text,
      body: value,
      attributes: fc.array(fc.record({ key, value }), { maxLength: 5 }),
      droppedAttributesCount: fc.nat(),
      flags: fc.nat(),
      traceId: id(16),
      spanId: id(8),
      eventName: text,
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.array(record, { maxLength: 4 }), (records) => {
      const request = requestOf(
        records,
        { 'service.name': 's', region: 'eu' },
        { name: 'scope', version: '1' },
      )
      const [fromProtobuf, fromJson] = [
        parse(encodeProtobuf(request), 'protobuf'),
        parse(encodeJson(request), 'json'),
      ]
      expect(fromJson).toHaveLength(records.length)
      const events = (all: readonly Incoming[]): unknown[] =>
        all.map((one) => (one.kind === 'event' ? one : one.reason.code))
      expect(events(fromJson)).toEqual(events(fromProtobuf))
    }),
    { numRuns: 500 },
  )
})
