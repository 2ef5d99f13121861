import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { AuditError } from '../../../src/audit/event/errors.ts'
import { parseOtlpAudit } from '../../../src/audit/ingest/otlp.ts'
import { createProducerTrust } from '../../../src/audit/ingest/producer-signature.ts'
import { any, attributes, encode, type Record_, requestOf } from './otlp-encode.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const trust = createProducerTrust({
  edge: { public_key: publicKey.export({ type: 'spki', format: 'pem' }).toString() },
})

const MANDATORY = {
  'audit.record.id': 'r1',
  'audit.actor.id': 'u1',
  'audit.actor.type': 'user',
  'audit.action': 'LOGIN',
  'audit.outcome': 'success',
}
const recordOf = (own: { [key: string]: string } = {}, rest: Record_ = {}): Record_ => ({
  timeUnixNano: '1714041600000000000',
  observedTimeUnixNano: '1714041600000000001',
  eventName: 'user.login',
  attributes: attributes({ ...MANDATORY, ...own }),
  ...rest,
})
// By hand, what the record is in the form of the signing processor of the Collector.
const FORM =
  '{"attributes":{"audit.action":{"stringValue":"LOGIN"},"audit.actor.id":{"stringValue":"u1"},"audit.actor.type":{"stringValue":"user"},' +
  '"audit.outcome":{"stringValue":"success"},"audit.record.id":{"stringValue":"r1"}},"event_name":"user.login",' +
  '"observed_timestamp":"1714041600000000001","timestamp":"1714041600000000000"}'
const HASH = createHash('sha256').update(FORM).digest('hex')
const SIGNED = { 'audit.integrity.value': sign(null, Buffer.from(FORM), privateKey).toString('base64') }
const EDDSA = { 'audit.integrity.algorithm': 'EdDSA' }

function refusal(records: Record_[], resource = {}): AuditError {
  try {
    parseOtlpAudit(encode.protobuf(requestOf(records, resource)), 'protobuf', trust)
  } catch (error) {
    if (error instanceof AuditError) return error
    throw error
  }
  throw new Error('not refused')
}

describe.each(['protobuf', 'json'] as const)('%s', (encoding) => {
  test('every record is answered with a receipt, in order', () => {
    const records = [recordOf(SIGNED), recordOf({ 'audit.record.id': 'r2' })]
    const body = parseOtlpAudit(encode[encoding](requestOf(records, EDDSA)), encoding, trust)
    expect(body.incoming).toMatchObject([
      {
        kind: 'event',
        format: 'otlp-audit',
        event: { id: 'r1', action: 'LOGIN' },
        signature: { result: 'passed' },
      },
      { kind: 'event', format: 'otlp-audit', event: { id: 'r2' } },
    ])
    const recorded = [
      { id: 'r1', index: 7 },
      { id: 'r2', index: 3 },
    ]
    const receipts = body.receiptsOf(recorded, 'main', 1_714_041_601_000)
    expect(receipts).toMatchObject([
      {
        record_id: 'r1',
        integrity_hash: HASH,
        sink_timestamp: '1714041601000000000',
        verify_status: 'passed',
        log: 'main',
        index: 7,
      },
      { record_id: 'r2', verify_status: 'deferred', index: 3 },
    ])
    expect(receipts[1]?.integrity_hash).not.toBe(HASH)
  })
})

test('a signature that nobody here can check is deferred', () => {
  const body = parseOtlpAudit(encode.protobuf(requestOf([recordOf(SIGNED)], EDDSA)), 'protobuf')
  expect(body.receiptsOf([{ id: 'r1', index: 0 }], 'main')).toMatchObject([
    { verify_status: 'deferred', integrity_hash: HASH },
  ])
})

test('a signature by a known key that does not hold refuses the request, naming the record', () => {
  const error = refusal(
    [recordOf({ 'audit.record.id': 'r0' }), recordOf({ ...SIGNED, 'audit.actor.id': 'u2' })],
    EDDSA,
  )
  expect(error).toMatchObject({ code: 'signature_rejected', evidence: { record: 1 } })
  expect(error.message).toContain('rejected_verify_failed')
})

describe('one record without what the draft demands refuses all of them', () => {
  const without = (key: string): Record_ => ({
    ...recordOf(),
    attributes: attributes(Object.fromEntries(Object.entries(MANDATORY).filter(([name]) => name !== key))),
  })

  test.each(Object.keys(MANDATORY))('%s is missing, empty, or no text', (key) => {
    for (const bad of [
      without(key),
      recordOf({ [key]: '' }),
      { ...recordOf(), attributes: [...(without(key).attributes ?? []), { key, value: any(5n) }] },
    ]) {
      const error = refusal([recordOf({ 'audit.record.id': 'good' }), bad])
      expect(error).toMatchObject({ code: 'invalid_otlp', evidence: { record: 1 } })
      expect(error.message).toContain(key)
    }
  })

  test.each([
    ['no event name', recordOf({}, { eventName: '' }), 'event_name'],
    ['no time', recordOf({}, { timeUnixNano: '0' }), 'time_unix_nano'],
    ['no observed time', recordOf({}, { observedTimeUnixNano: '0' }), 'observed_time_unix_nano'],
    ['observed before it happened', recordOf({}, { timeUnixNano: '1714041600000000002' }), 'after'],
    ['an actor of another type', recordOf({ 'audit.actor.type': 'robot' }), 'audit.actor.type'],
    ['another outcome', recordOf({ 'audit.outcome': 'SUCCESS' }), 'audit.outcome'],
    ['an id that would be cut', recordOf({ 'audit.record.id': 'x'.repeat(257) }), '256'],
  ])('%s', (_, record, named) => {
    const error = refusal([record])
    expect(error).toMatchObject({ code: 'invalid_otlp', evidence: { record: 0 } })
    expect(error.message).toContain(named)
  })

  test('a record that is no event', () => {
    const twice = {
      ...recordOf(),
      attributes: [...attributes(MANDATORY), ...attributes({ a: 'b' }), ...attributes({ a: 'c' })],
    }
    expect(refusal([twice])).toMatchObject({ code: 'invalid_otlp', evidence: { record: 0 } })
  })

  test('the message has nothing of the record', () => {
    const error = refusal([recordOf({ 'audit.actor.id': 'secret-person', 'audit.outcome': 'secret-word' })])
    expect(error.message + JSON.stringify(error.evidence)).not.toContain('secret')
  })
})

test('two records of one id are refused unless they are the same', () => {
  const same = parseOtlpAudit(encode.protobuf(requestOf([recordOf(), recordOf()])), 'protobuf')
  expect(same.incoming).toHaveLength(2)
  expect(refusal([recordOf(), recordOf({ 'audit.action': 'LOGOUT' })])).toMatchObject({
    code: 'id_conflict',
    evidence: { record: 1 },
  })
})

test('an empty request is one', () => {
  const body = parseOtlpAudit(new Uint8Array(0), 'protobuf')
  expect([body.incoming, body.receiptsOf([], 'main')]).toEqual([[], []])
})
