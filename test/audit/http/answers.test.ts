// The exact answers that real senders compare with what they expect.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attributes, encode, requestOf } from '../ingest/otlp-encode.ts'
import { nativeOf } from './doors.ts'
import { type Ask, type HttpGround, httpGround, readLog, treeSize } from './ground.ts'

const NOW = '2026-11-25T10:00:00Z'
const CHANNEL = '6b0b1a02-9a3c-4b9e-8f06-8a5f2d7a1c11'
let ground: HttpGround
let key: string
let made = 0

beforeAll(async () => {
  ground = await httpGround()
  await ground.log('payments')
  await ground.log('shop')
  ;({ key } = await ground.key({ name: 'agent', scopes: ['events:append'] }))
})
afterAll(() => ground.close())

const newId = (): string => `id-${++made}`
const event = (id = newId(), more: object = {}): object => ({ ...nativeOf({ id, time: NOW }), ...more })

function post(path: string, body: unknown, more: Ask = {}): Promise<Response> {
  const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  return ground.ask(path, { method: 'POST', key, type: 'application/json', body: text, ...more })
}

interface Receipts {
  log: string
  receipts: { id: string; index: number; leaf_hash: string; duplicate: boolean; proof?: string }[]
  tree_size?: number
}
const receiptsOf = async (response: Response): Promise<Receipts> => (await response.json()) as Receipts

/** Status, content type and body. */
async function exactly(response: Response): Promise<unknown[]> {
  return [response.status, response.headers.get('content-type'), await response.text()]
}

const record = (id: string, action = 'login') => ({
  timeUnixNano: '1764064800000000000',
  observedTimeUnixNano: '1764064800000000001',
  eventName: 'x',
  attributes: attributes({
    'audit.record.id': id,
    'audit.actor.id': 'u1',
    'audit.actor.type': 'user',
    'audit.action': action,
    'audit.outcome': 'success',
  }),
})

describe('OTLP', () => {
  test('success is 200 with the content type of the request to the letter, and nothing in it', async () => {
    const protobuf = encode.protobuf(requestOf([record(newId())]))
    const json = encode.json(requestOf([record(newId())]))
    expect(await exactly(await post('/v1/logs', protobuf, { type: 'application/x-protobuf' }))).toEqual([
      200,
      'application/x-protobuf',
      '',
    ])
    for (const type of ['application/json', 'application/json; charset=utf-8'])
      expect(await exactly(await post('/v1/logs', json, { type }))).toEqual([200, 'application/json', '{}'])
  })

  test('a refusal is a google.rpc.Status with the status that tells exporters what to do', async () => {
    const unknown = await post('/v1/logs', '{}', { key: 'plog_oops' })
    expect(unknown.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    expect(await exactly(unknown)).toEqual([401, 'application/json', expect.stringMatching(/^\{"code":16,/)])
    expect(await exactly(await post('/logs/nowhere/v1/logs', '{}'))).toEqual([
      404,
      'application/json',
      expect.stringMatching(/^\{"code":5,"message":".*\(log_not_found\)"\}$/),
    ])
    const slow = await ground.key({ name: 'slow', scopes: ['events:append'], rate_append: 1 })
    const body = encode.json(requestOf(Array.from({ length: 20 }, () => record(newId()))))
    expect((await post('/v1/logs', body, { key: slow.key })).status).toBe(200)
    const limited = await post('/v1/logs', body, { key: slow.key })
    expect(limited.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect(await exactly(limited)).toEqual([429, 'application/json', expect.stringMatching(/^\{"code":8,/)])
  })

  test('the draft audit signal answers a receipt for each record, and 409 for another record of a known id', async () => {
    const [a, b] = [newId(), newId()]
    const sent = encode.json(requestOf([record(a), record(b)]))
    for (let i = 0; i < 2; i++) {
      const response = await post('/logs/shop/v1/audit', sent)
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({
        receipts: [
          { record_id: a, log: 'shop', index: 0, verify_status: 'deferred' },
          { record_id: b, log: 'shop', index: 1 },
        ],
      })
    }
    await ground.indexed('shop', 2)
    const conflict = await post(
      '/logs/shop/v1/audit',
      encode.json(requestOf([record(newId()), record(a, 'other')])),
    )
    const text = await conflict.text()
    expect([conflict.status, text]).toEqual([409, expect.stringContaining('id_conflict')])
    expect(text).not.toContain(a)
    expect(await treeSize(ground, 'shop')).toBe(2)
  })
})

describe('HEC', () => {
  const send = (path: string, body: unknown, headers = {}, more: Ask = {}) =>
    post(`/services/collector${path}`, body, {
      headers: { authorization: `Splunk ${key}`, ...headers },
      ...more,
    })
  const answer = async (response: Response) => [response.status, await response.json()]

  test('success, health, and what is wrong, in the words of Splunk', async () => {
    expect(await exactly(await send('', { time: 1_764_064_800, event: 'x' }))).toEqual([
      200,
      'application/json',
      '{"text":"Success","code":0}',
    ])
    for (const path of ['/health', '/health/1.0'])
      expect(await answer(await ground.ask(`/services/collector${path}`, { key: null }))).toEqual([
        200,
        { text: 'HEC is healthy', code: 17 },
      ])
    expect(await answer(await send('', ''))).toEqual([400, { text: 'No data', code: 5 }])
    expect(await answer(await send('', 'oops'))).toEqual([
      400,
      { text: 'Invalid data format', code: 6, 'invalid-event-number': 0 },
    ])
    expect(await answer(await send('', { time: 1 }))).toEqual([
      400,
      { text: 'Event field is required', code: 12, 'invalid-event-number': 0 },
    ])
    expect(await answer(await send('', { event: '' }))).toMatchObject([400, { code: 13 }])
    expect(await answer(await post('/services/collector', '{}', { key: null }))).toMatchObject([
      401,
      { code: 2 },
    ])
    expect(await answer(await send('', '{}', { authorization: 'Splunk plog_oops' }))).toMatchObject([
      401,
      { code: 3 },
    ])
    expect(await answer(await post('/logs/nowhere/services/collector', '{}'))).toMatchObject([
      404,
      { code: 7 },
    ])
  })

  test('with a channel each request gets an id, which is acknowledged to its sender and to nobody else', async () => {
    const channel = { 'x-splunk-request-channel': CHANNEL }
    const hec = (): object => ({ time: 1_764_064_800, event: newId() })
    expect(await answer(await send('/event', hec(), channel))).toEqual([
      200,
      { text: 'Success', code: 0, ackId: 0 },
    ])
    expect(await answer(await send(`/raw?channel=${CHANNEL}`, newId()))).toEqual([
      200,
      { text: 'Success', code: 0, ackId: 1 },
    ])
    const poll = { acks: [0, 1, 2] }
    const known = { acks: { 0: true, 1: true, 2: false } }
    expect(await answer(await send('/ack', poll, channel))).toEqual([200, known])
    expect(await answer(await send(`/ack?channel=${CHANNEL.toUpperCase()}`, poll))).toEqual([200, known])
    const other = await ground.key({ name: 'other', scopes: ['events:append'] })
    expect(
      await answer(await send('/ack', poll, { ...channel, authorization: `Splunk ${other.key}` })),
    ).toEqual([200, { acks: { 0: false, 1: false, 2: false } }])
    expect(await answer(await send('/ack', poll))).toMatchObject([400, { code: 10 }])
    expect(await answer(await send('/ack', 'oops', channel))).toMatchObject([400, { code: 6 }])
    const before = await treeSize(ground, 'default')
    expect(await answer(await send('', hec(), { 'x-splunk-request-channel': 'mine' }))).toMatchObject([
      400,
      { code: 11 },
    ])
    expect(await treeSize(ground, 'default')).toBe(before)
  })
})

test('kube-apiserver gets 200 for its list, and 400 for what is none', async () => {
  const items = [1, 2].map((n) => ({
    kind: 'Event',
    auditID: `a${n}`,
    stage: 'ResponseComplete',
    verb: 'get',
    requestURI: '/',
    user: { username: 'system:admin' },
    stageTimestamp: NOW,
  }))
  const list = { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items }
  const before = await treeSize(ground, 'default')
  for (let i = 0; i < 2; i++)
    expect(await exactly(await post('/v1/k8s/audit?timeout=30s', list))).toEqual([
      200,
      'application/json',
      '{"count":2}',
    ])
  expect(await treeSize(ground, 'default')).toBe(before + 2)
  expect((await post('/v1/k8s/audit', { ...list, apiVersion: 'audit.k8s.io/v1beta1' })).status).toBe(400)
})

test('CloudEvents: whoever asks by OPTIONS is welcome, and a browser is told what it may send', async () => {
  const ask = (headers: Record<string, string>) =>
    ground.ask('/logs/default/v1/cloudevents', { method: 'OPTIONS', key: null, headers })
  const welcome = await ask({ 'webhook-request-origin': 'events.example', 'webhook-request-rate': '120' })
  expect(welcome.status).toBe(200)
  expect(Object.fromEntries(welcome.headers)).toMatchObject({
    'webhook-allowed-origin': 'events.example',
    'webhook-allowed-rate': '120',
    allow: 'POST, OPTIONS',
  })
  for (const headers of [{}, { 'webhook-request-origin': 'a b' }])
    expect((await ask(headers as Record<string, string>)).status).toBe(400)
  const preflight = await ask({ origin: 'https://shop.example', 'access-control-request-method': 'POST' })
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
})

test('a key may be sent in each of the four ways that agents know, and in one of them at a time', async () => {
  const basic = (user: string, password: string) =>
    `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const ways: Record<string, string>[] = [
    { authorization: `Bearer ${key}` },
    { authorization: `bearer ${key}` },
    { authorization: `Splunk ${key}` },
    { authorization: basic('anybody', key) },
    { authorization: basic('', key) },
    { 'x-api-key': key },
    { 'x-api-key': key, authorization: `Bearer ${key}` },
  ]
  for (const headers of ways)
    for (const path of ['/v1/events', '/v1/logs', '/services/collector'])
      expect([
        headers,
        (
          await post(path, path === '/v1/events' ? event() : path === '/v1/logs' ? {} : { event: newId() }, {
            key: null,
            headers,
          })
        ).status,
      ]).toEqual([headers, 200])
  const wrong: [Record<string, string>, number][] = [
    [{ authorization: basic(key, 'x') }, 401],
    [{ authorization: key }, 401],
    [{ authorization: `Digest ${key}` }, 401],
    [{ 'x-api-key': '' }, 401],
    [{ 'x-api-key': 'plog_oops', authorization: `Bearer ${key}` }, 400],
  ]
  for (const [headers, status] of wrong)
    expect([headers, (await post('/v1/events', event(), { key: null, headers })).status]).toEqual([
      headers,
      status,
    ])
})

test("at the root the log is the key's only one, else default, else nobody's", async () => {
  const bound = await ground.key({ name: 'one', scopes: ['events:append'], logs: ['payments'] })
  const two = await ground.key({ name: 'two', scopes: ['events:append'], logs: ['payments', 'shop'] })
  expect((await receiptsOf(await post('/v1/events', event()))).log).toBe('default')
  expect((await receiptsOf(await post('/v1/events', event(), { key: bound.key }))).log).toBe('payments')
  expect((await receiptsOf(await post('/logs/payments/events', event(), { key: bound.key }))).log).toBe(
    'payments',
  )
  expect((await post('/logs/shop/events', event(), { key: bound.key })).status).toBe(403)
  const refused = await post('/v1/events', event(), { key: two.key })
  expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'key_not_for_log' }])
})

test('a receipt for each event, in order; the same event again has its first place, another of the same id its own', async () => {
  const [a, b] = [event(), event()]
  const first = await receiptsOf(await post('/logs/payments/events', [a, b, 'no event']))
  expect(first.receipts).toMatchObject([
    { duplicate: false, leaf_hash: expect.stringMatching(/^.{43}=$/) },
    { duplicate: false },
    { quarantine: { code: 'invalid_event' }, flags: ['quarantined'] },
  ])
  const [one, two] = first.receipts
  expect(two!.index).toBe(one!.index + 1)
  const again = await receiptsOf(await post('/logs/payments/events', [b, a, { ...b, message: 'another' }]))
  expect(again.receipts).toMatchObject([
    { index: two!.index, leaf_hash: two!.leaf_hash, duplicate: true },
    { index: one!.index, leaf_hash: one!.leaf_hash, duplicate: true },
    { id: two!.id, duplicate: false },
  ])
  const counted = await post('/logs/payments/events?receipts=count', [a, event(), 'no event'])
  expect(await counted.json()).toEqual({
    log: 'payments',
    receipts: [],
    count: 3,
    duplicates: 2,
    quarantined: 1,
  })
})

test('who waits gets the checkpoint, and with proof=true the proofs', async () => {
  const waited = await receiptsOf(await post('/logs/payments/events?wait=published', event()))
  expect(waited.tree_size).toBeGreaterThan(waited.receipts[0]!.index)
  const { receipts } = await receiptsOf(
    await post('/logs/payments/events?wait=published&timeout=20&proof=true', [event(), event()]),
  )
  for (const { proof, index } of receipts) expect(proof).toContain(`c2sp.org/tlog-proof@v1\nindex ${index}\n`)
  const refused = [
    'proof=true',
    'wait=published&proof=false',
    'wait=now',
    'wait=witnessed',
    'timeout=0',
    'timeout=61',
  ]
  for (const query of [...refused, 'receipts=none', 'wait=published&wait=published', 'waits=published']) {
    const response = await post(`/logs/payments/events?${query}`, event())
    expect([query, response.status, await response.json()]).toMatchObject([
      query,
      400,
      { code: 'invalid_parameter' },
    ])
  }
})

test('the source is the one of the key, whatever the sender says', async () => {
  const { key: named } = await ground.key({ name: 'k', scopes: ['events:append'], source: 'till-7' })
  const { receipts } = await receiptsOf(
    await post('/v1/events', event(newId(), { source: 'till-8' }), { key: named }),
  )
  const [seen] = await readLog(ground, 'default', receipts[0]!.index, 1)
  expect(seen).toMatchObject({ source: 'till-7', event: { extra: { source: 'till-8' } } })
})

test('the schema of an event is for everybody', async () => {
  const response = await ground.ask('/schemas/event.json', { key: null })
  expect(await response.json()).toMatchObject({ $schema: expect.stringContaining('2020-12'), type: 'object' })
})
