import { createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Incoming } from '../../../src/audit/event/types.ts'
import { parseOtlpLogs } from '../../../src/audit/ingest/otlp.ts'
import { createProducerTrust, type ProducerTrust } from '../../../src/audit/ingest/producer-signature.ts'
import { any, attributes, encodeProtobuf, type KeyValue, type Record_, requestOf } from './otlp-encode.ts'

const ed25519 = generateKeyPairSync('ed25519')
const p256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString()
const fingerprint = (key: KeyObject): string =>
  `sha256:${createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')}`
const secret = Buffer.from('a secret of thirty-two bytes....')

const trust = createProducerTrust({
  edge: { public_key: pem(ed25519.publicKey) },
  payments: { public_key: pem(p256.publicKey) },
  legacy: { public_key: pem(rsa.publicKey) },
  batch: { hmac_secret: secret.toString('base64') },
})

// A record, and by hand what the signing processor of the Collector makes of it in the forms that it had.
const RECORD: Record_ = {
  timeUnixNano: '1714041600000000001',
  observedTimeUnixNano: '1714041600001000000',
  severityNumber: 9,
  severityText: 'INFO',
  eventName: 'user.login.success',
  body: any('Zoë logged in'),
  traceId: Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex'),
  spanId: Buffer.from('0102030405060708', 'hex'),
}
const ATTRIBUTES: KeyValue[] = [
  ...attributes({ 'audit.actor.id': 'u1', count: 3n, big: 9007199254740993n, ratio: 1.5, ok: true }),
  { key: 'raw', value: { bytesValue: Buffer.from([0xde, 0xad]) } },
  { key: 'list', value: { arrayValue: { values: [any('x'), any(7n)] } } },
  { key: 'map', value: { kvlistValue: { values: attributes({ b: 'y', a: 'x' }) } } },
]
const IDS = '"span_id":"0102030405060708"'
const TRACE = '"trace_id":"0102030405060708090a0b0c0d0e0f10"'
const TAGGED_ATTRIBUTES = (count: string): string =>
  '{"audit.actor.id":{"stringValue":"u1"},"big":{"intValue":"9007199254740993"},"count":{"intValue":' +
  `${count}},"list":[{"stringValue":"x"},{"intValue":${count === '3' ? '7' : '"7"'}}],` +
  '"map":{"a":{"stringValue":"x"},"b":{"stringValue":"y"}},"ok":{"boolValue":true},"ratio":{"doubleValue":1.5},"raw":{"bytesValue":"3q0="}}'
const TAGGED_TIMES = '"observed_timestamp":"1714041600001000000"'
const tagged = (count: string, body: string): string =>
  `{"attributes":${TAGGED_ATTRIBUTES(count)},"body":${body},"event_name":"user.login.success",${TAGGED_TIMES},` +
  `${IDS},"timestamp":"1714041600000000001",${TRACE}}`
// Bare numbers are doubles: the last digits of the times, and of `big`, are lost.
const bare = (body: string): string =>
  '{"attributes":{"audit.actor.id":"u1","big":9007199254740992,"count":3,"list":["x",7],"map":{"a":"x","b":"y"},"ok":true,' +
  `"ratio":1.5,"raw":"3q0="},${body}"event_name":"user.login.success","observed_timestamp":1714041600001000000,` +
  `"severity_number":9,"severity_text":"INFO",${IDS},"timestamp":1714041600000000000,${TRACE}}`
const FORMS = {
  'otel-tagged': tagged('"3"', '{"stringValue":"Zoë logged in"}'),
  'otel-draft': tagged('3', '{"stringValue":"Zoë logged in"}'),
  'otel-tagged-text': tagged('"3"', '"Zoë logged in"'),
  'otel-bare': bare('"body":"Zoë logged in",'),
}

type Integrity = { value: string; algorithm?: string; certificate?: string; canonicalization?: string }

function verdict(integrity: Integrity, producers: ProducerTrust = trust, record: Record_ = RECORD): Incoming {
  const { value, canonicalization, ...ofResource } = integrity
  const own = {
    'audit.integrity.value': value,
    ...(canonicalization === undefined ? {} : { 'audit.integrity.canonicalization': canonicalization }),
  }
  const resource = Object.fromEntries(
    Object.entries(ofResource).map(([name, text]) => [`audit.integrity.${name}`, text]),
  )
  const body = encodeProtobuf(
    requestOf([{ ...record, attributes: [...attributes(own), ...ATTRIBUTES] }], resource),
  )
  const [incoming] = parseOtlpLogs(body, 'protobuf', producers).incoming
  if (incoming === undefined) throw new Error('nothing came out')
  return incoming
}

const signed = (form: string, key: KeyObject, hash: string | null = null): string =>
  sign(hash, Buffer.from(form), key).toString('base64')
const base64 = (of: KeyObject, form = FORMS['otel-tagged'], hash: string | null = null): string =>
  signed(form, of, hash)

describe('a signature that holds has passed', () => {
  test.each(Object.entries(FORMS))('in the form %s, which is recorded', (profile, form) => {
    const incoming = verdict({ value: base64(ed25519.privateKey, form), algorithm: 'EdDSA' })
    expect(incoming).toMatchObject({
      signature: { result: 'passed', alg: 'EdDSA', profile, signer: fingerprint(ed25519.publicKey) },
    })
  })

  test('over a structured body, where the form covers it, and without it where it did not', () => {
    const body = { kvlistValue: { values: attributes({ action: 'delete-all' }) } }
    for (const [profile, form] of [
      ['otel-tagged', tagged('"3"', '{"action":{"stringValue":"delete-all"}}')],
      ['otel-bare', bare('"body":{"action":"delete-all"},')],
      ['otel-bare-text', bare('')],
    ] as const) {
      const incoming = verdict({ value: base64(ed25519.privateKey, form), algorithm: 'EdDSA' }, trust, {
        ...RECORD,
        body,
      })
      expect(incoming).toMatchObject({ signature: { result: 'passed', profile } })
    }
  })

  test.each([
    ['ES256', p256, 'sha256'],
    ['RS256', rsa, 'sha256'],
    ['RS512', rsa, 'sha512'],
  ] as const)('by %s', (algorithm, { privateKey, publicKey }, hash) => {
    const value = base64(privateKey, FORMS['otel-tagged'], hash)
    const incoming = verdict({ value, algorithm, certificate: fingerprint(publicKey) })
    expect(incoming).toMatchObject({
      signature: { result: 'passed', alg: algorithm, signer: fingerprint(publicKey) },
    })
  })

  test.each(['HMAC-SHA256', 'HMAC-SHA512'])('by %s, of which no certificate speaks', (algorithm) => {
    const hash = algorithm === 'HMAC-SHA256' ? 'sha256' : 'sha512'
    const value = createHmac(hash, secret).update(FORMS['otel-tagged']).digest('base64')
    expect(verdict({ value, algorithm })).toMatchObject({ signature: { result: 'passed', alg: algorithm } })
    const other = createHmac(hash, 'another').update(FORMS['otel-tagged']).digest('base64')
    expect(verdict({ value: other, algorithm })).toMatchObject({ signature: { result: 'failed' } })
  })

  test('when the key is called by the name that it is configured under', () => {
    const value = base64(ed25519.privateKey)
    expect(verdict({ value, algorithm: 'EdDSA', certificate: 'edge' })).toMatchObject({
      signature: { result: 'passed' },
    })
    expect(verdict({ value, algorithm: 'EdDSA', certificate: 'other' })).toMatchObject({
      signature: { result: 'unknown_key' },
    })
  })
})

// The signature by its key over the first of the forms. openssl req -x509 -newkey ed25519 -nodes -days 36500 -subj /CN=prooflog-test
const CERTIFICATE = [
  '-----BEGIN CERTIFICATE-----',
  'MIIBRjCB+aADAgECAhQDlKt5L9OlLFIGEtytPFsW3Jp7LTAFBgMrZXAwGDEWMBQG',
  'A1UEAwwNcHJvb2Zsb2ctdGVzdDAgFw0yNjExMjUyMDI5MzlaGA8yMTI2MTEwMTIw',
  'MjkzOVowGDEWMBQGA1UEAwwNcHJvb2Zsb2ctdGVzdDAqMAUGAytlcAMhAM2x5sJU',
  'gv5b1Zg3hUiDT4jjkTblKBMAnAL2xNInDLJoo1MwUTAdBgNVHQ4EFgQUHL0wWvyZ',
  'j97jrz03ctIhMTKh7DwwHwYDVR0jBBgwFoAUHL0wWvyZj97jrz03ctIhMTKh7Dww',
  'DwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQCXlejPgOnG8tiD0DtUlBZ71tDxhXCO',
  '1j3lv0PKi0YPmgfay47mSASaSlTQtPumvq+1xwjgNGl8Uqc21Kt0rQEP',
  '-----END CERTIFICATE-----',
].join('\n')
const BY_CERTIFICATE =
  'Qur90XPsi53fmaBBtyiGsZoFDgkAKZR8KvdQxR/hnNV9N3J9NvB+mlDRbMg7PG21eB7mcASXdVRMaxtkqyf5CQ=='

describe('certificates', () => {
  const der = Buffer.from(CERTIFICATE.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const known = createProducerTrust({ edge: { certificate: CERTIFICATE } })
  const value = BY_CERTIFICATE
  const sha256 = `sha256:${createHash('sha256').update(der).digest('hex')}`

  test('are known by their fingerprint or as a whole, and the fingerprint is recorded', () => {
    const sha1 = `sha1:${createHash('sha1').update(der).digest('hex')}`
    for (const certificate of [
      sha256,
      sha1,
      der.toString('base64'),
      sha256.toUpperCase().replace('SHA', 'sha'),
    ]) {
      expect(verdict({ value, algorithm: 'EdDSA', certificate }, known)).toMatchObject({
        signature: { result: 'passed', signer: sha256 },
      })
    }
  })

  test('that come with the record are not believed for themselves', () => {
    const incoming = verdict({ value, algorithm: 'EdDSA', certificate: der.toString('base64') }, trust)
    expect(incoming).toMatchObject({ signature: { result: 'unknown_key', signer: sha256 } })
  })
})

describe('a signature that does not hold is recorded as such, and the event is kept', () => {
  const value = base64(ed25519.privateKey)

  test('when anything that it covers was changed', () => {
    for (const change of [
      { body: any('Zoë logged out') },
      { eventName: 'user.login.failure' },
      { timeUnixNano: '1714041600000000002' },
      { spanId: Buffer.from('0102030405060709', 'hex') },
    ]) {
      const incoming = verdict({ value, algorithm: 'EdDSA' }, trust, { ...RECORD, ...change })
      expect(incoming).toMatchObject({ kind: 'event', signature: { result: 'failed', alg: 'EdDSA' } })
      expect(incoming).not.toHaveProperty('signature.profile')
    }
  })

  test('when it is nonsense', () => {
    for (const nonsense of ['', 'not base64!', 'AAAA', `${value}=`, Buffer.alloc(64).toString('base64')]) {
      expect(verdict({ value: nonsense, algorithm: 'EdDSA' })).toMatchObject({
        signature: { result: 'failed' },
      })
      expect(verdict({ value: nonsense, algorithm: 'ES256' })).toMatchObject({
        signature: { result: 'failed' },
      })
      expect(verdict({ value: nonsense, algorithm: 'RS256' })).toMatchObject({
        signature: { result: 'failed' },
      })
      expect(verdict({ value: nonsense, algorithm: 'HMAC-SHA256' })).toMatchObject({
        signature: { result: 'failed' },
      })
    }
  })

  test('ES256 is ASN.1 DER and not the two numbers of JWS', () => {
    const jws = sign('sha256', Buffer.from(FORMS['otel-tagged']), {
      key: p256.privateKey,
      dsaEncoding: 'ieee-p1363',
    })
    expect(verdict({ value: jws.toString('base64'), algorithm: 'ES256' })).toMatchObject({
      signature: { result: 'failed' },
    })
  })
})

describe('what cannot be checked is neither passed nor failed', () => {
  test('an algorithm that is not known, no algorithm, another canonicalisation', () => {
    for (const claim of [
      { algorithm: 'none' },
      { algorithm: 'constructor' },
      {},
      { algorithm: 'EdDSA', canonicalization: 'cbor' },
    ]) {
      expect(verdict({ value: base64(ed25519.privateKey), ...claim })).toMatchObject({
        signature: { result: 'unsupported' },
      })
    }
  })

  test('a key of another kind than the algorithm has: a public key is no secret', () => {
    const onlyRsa = createProducerTrust({ legacy: { public_key: pem(rsa.publicKey) } })
    const value = createHmac('sha256', pem(rsa.publicKey)).update(FORMS['otel-tagged']).digest('base64')
    expect(verdict({ value, algorithm: 'HMAC-SHA256' }, onlyRsa)).toMatchObject({
      signature: { result: 'unknown_key' },
    })
    expect(verdict({ value, algorithm: 'EdDSA' }, onlyRsa)).toMatchObject({
      signature: { result: 'unknown_key' },
    })
  })

  test('an RSA key that is too short', () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const weak = createProducerTrust({ weak: { public_key: pem(short.publicKey) } })
    const value = base64(short.privateKey, FORMS['otel-tagged'], 'sha256')
    expect(verdict({ value, algorithm: 'RS256' }, weak)).toMatchObject({
      signature: { result: 'unknown_key' },
    })
  })

  test('anything, while nobody is trusted', () => {
    expect(verdict({ value: 'AAAA', algorithm: 'EdDSA' }, createProducerTrust({}))).toMatchObject({
      signature: { result: 'unknown_key' },
    })
  })
})

test('a configuration that cannot be read is refused by the name of the signer, without its key', () => {
  const refusal = (signers: unknown): string => {
    try {
      createProducerTrust(signers)
    } catch (error) {
      return String(error)
    }
    return 'accepted'
  }
  expect(refusal({ edge: { public_key: 'SECRET' } })).toContain('"edge"')
  expect(refusal({ edge: { public_key: 'SECRET' } })).not.toContain('SECRET')
  expect(refusal({ edge: { certificate: pem(rsa.publicKey) } })).toContain('"edge"')
  for (const bad of [
    [],
    'x',
    { a: {} },
    { a: { hmac_secret: '!' } },
    { a: { public_key: 'x', certificate: 'y' } },
  ]) {
    expect(refusal(bad)).toContain('trusted signers')
  }
})
