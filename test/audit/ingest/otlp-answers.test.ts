import { expect, test } from 'vitest'
import { otlpResponse, otlpStatus } from '../../../src/audit/ingest/otlp-answers.ts'

const text = (body: Uint8Array): string => Buffer.from(body).toString()

test('what was kept is answered with exactly what exporters compare', () => {
  expect(otlpResponse('protobuf')).toEqual({ contentType: 'application/x-protobuf', body: new Uint8Array(0) })
  const json = otlpResponse('json')
  expect([json.contentType, text(json.body)]).toEqual(['application/json', '{}'])
})

test('an error is a google.rpc.Status in the encoding of the request', () => {
  const protobuf = otlpStatus('protobuf', 14, 'später')
  expect(protobuf.contentType).toBe('application/x-protobuf')
  // field 1 as varint 14, field 2 as 7 bytes of UTF-8
  expect(Buffer.from(protobuf.body)).toEqual(
    Buffer.concat([Buffer.from('080e1207', 'hex'), Buffer.from('später')]),
  )
  const json = otlpStatus('json', 3, 'no "body"')
  expect([json.contentType, JSON.parse(text(json.body))]).toEqual([
    'application/json',
    { code: 3, message: 'no "body"' },
  ])
})
