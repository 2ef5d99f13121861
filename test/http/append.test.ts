import { getEventListeners } from 'node:events'
import { beforeEach, expect, test } from 'vitest'
import { encodeBundle } from '../../src/core/bundle.ts'
import { hashLeaf } from '../../src/core/hash.ts'
import type { FakeLog } from '../support/fake-logs.ts'
import { ALL, problemOf, type TestApp, testApp } from '../support/http-app.ts'

let t: TestApp
let log: FakeLog
beforeEach(async () => {
  t = await testApp()
  log = t.logs.byName.get('private')!
})

function post(
  path: string,
  body: Uint8Array<ArrayBuffer> | string | ReadableStream,
  type?: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const init: RequestInit & { duplex: 'half' } = {
    method: 'POST',
    body,
    headers: { ...ALL, ...(type === undefined ? {} : { 'content-type': type }), ...headers },
    duplex: 'half',
  }
  return Promise.resolve(t.app.request(`/logs/private/${path}`, init))
}
const ndjson = (path: string, ...lines: string[]) => post(path, lines.join('\n'), 'application/x-ndjson')
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

test('add answers 200 and the decimal index, nothing else: no newline, no JSON', async () => {
  const response = await post('add', new Uint8Array([0, 255, 10]))
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(await response.text()).toBe('300')
  expect(log.stored[300]).toEqual(new Uint8Array([0, 255, 10]))
  expect(await (await post('add', new Uint8Array([0, 255, 10]))).text(), 'same bytes, same index').toBe('300')
})

test('an empty entry is an entry', async () => {
  expect(await (await t.app.request('/logs/private/add', { method: 'POST', headers: ALL })).text()).toBe(
    '300',
  )
  expect(log.stored[300]).toHaveLength(0)
  const [line] = [await ndjson('entries', '{"entry":""}')]
  expect(await line!.json()).toMatchObject({ first_index: 300, duplicates: 1 })
})

test('an entry has at most 65,535 bytes: 413 beyond, and nothing is stored', async () => {
  expect((await post('add', new Uint8Array(65_535))).status).toBe(200)
  for (const [path, type] of [['add'], ['entries', 'application/octet-stream']] as const) {
    const { status, code } = await problemOf(await post(path, new Uint8Array(65_536), type))
    expect([status, code]).toEqual([413, 'entry_too_large'])
  }
  const entry = base64(new Uint8Array(65_536))
  expect(await problemOf(await post('entries', JSON.stringify({ entry }), 'application/json'))).toMatchObject(
    { status: 413, code: 'entry_too_large' },
  )
  const { status, code, body } = await problemOf(
    await ndjson('entries', '{"text":"a"}', JSON.stringify({ entry })),
  )
  expect([status, code, body['line']]).toEqual([413, 'entry_too_large', 2])
  expect(log.stored).toHaveLength(301)
})

test('a declared length over the limit is refused before the body is read', async () => {
  const body = new ReadableStream(
    {
      pull() {
        throw new Error('somebody read the body')
      },
    },
    { highWaterMark: 0 },
  )
  const response = await post('add', body, undefined, { 'content-length': '65536' })
  expect(response.status).toBe(413)
})

test('a body without a length is cut where it passes the limit', async () => {
  let sent = 0
  const body = new ReadableStream(
    {
      pull(controller) {
        sent += 16_384
        controller.enqueue(new Uint8Array(16_384))
      },
    },
    { highWaterMark: 0 },
  )
  expect((await post('add', body)).status).toBe(413)
  expect(sent).toBeLessThanOrEqual(5 * 16_384)
})

test('a body that breaks off stores nothing', async () => {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(10))
      controller.error(new Error('connection lost'))
    },
  })
  expect(await problemOf(await post('add', body))).toMatchObject({ status: 400, code: 'body_incomplete' })
  expect(log.stored).toHaveLength(300)
})

test('one entry as bytes, base64 or text gets the full receipt', async () => {
  const entry = Buffer.from('é')
  const receipt = { index: 300, leaf_hash: base64(hashLeaf(entry)), duplicate: false }
  expect(await (await post('entries', entry, 'application/octet-stream')).json()).toEqual(receipt)
  for (const body of [{ entry: base64(entry) }, { text: 'é' }]) {
    const response = await post('entries', JSON.stringify(body), 'Application/JSON; charset=utf-8')
    expect(await response.json()).toEqual({ ...receipt, duplicate: true })
  }
})

test('a batch is stored in order and answered by its first index', async () => {
  expect(await (await ndjson('entries', '{"text":"a"}', '{"entry":"Yg=="}', '')).json()).toEqual({
    count: 2,
    duplicates: 0,
    first_index: 300,
  })
  const bundle = encodeBundle([Buffer.from('c'), Buffer.alloc(0), Buffer.from('d')])
  expect(
    await (await post('entries', new Uint8Array(bundle), 'application/vnd.prooflog.bundle')).json(),
  ).toEqual({ count: 3, duplicates: 0, first_index: 302 })
  expect(log.stored.slice(300).map((entry) => Buffer.from(entry).toString())).toEqual([
    'a',
    'b',
    'c',
    '',
    'd',
  ])
})

test('a batch with duplicates lists every index', async () => {
  const response = await ndjson(
    'entries',
    '{"text":"new"}',
    '{"text":"7"}',
    '{"text":"newer"}',
    '{"text":"new"}',
  )
  expect(await response.json()).toEqual({ count: 4, duplicates: 2, indexes: [300, 7, 301, 300] })
})

test('one bad line refuses the batch, is named, and nothing is stored', async () => {
  const bad = [
    '',
    ' ',
    'x',
    '{}',
    '[]',
    'null',
    '7',
    '"text"',
    '{"text":1}',
    '{"entry":"YQ"}',
    '{"entry":"YR=="}',
    '{"entry":"Y Q=="}',
    '{"entry":"-_8="}',
    '{"text":"a","entry":"YQ=="}',
    '{"text":"a","more":1}',
    String.raw`{"text":"\ud800"}`,
    '{"text":"a"} {"text":"b"}',
  ]
  for (const line of bad) {
    const { status, code, body } = await problemOf(
      await ndjson('entries', '{"text":"good"}', '{"text":"better"}', line, '{"text":"after"}'),
    )
    expect([status, code, body['line']], line).toEqual([400, 'invalid_line', 3])
    expect(body['detail']).toMatch(/^line 3: .*; nothing of this request was stored$/)
  }
  const utf8 = Buffer.concat([Buffer.from('{"text":"a"}\n{"text":"'), Buffer.from([0xff]), Buffer.from('"}')])
  expect((await problemOf(await post('entries', utf8, 'application/x-ndjson'))).body).toMatchObject({
    code: 'invalid_line',
    line: 2,
  })
  expect(log.stored).toHaveLength(300)
})

test('a malformed bundle is refused whole', async () => {
  for (const bytes of [[0], [0, 1], [0, 2, 1], [0, 0, 0], [0, 1, 65, 255, 255]]) {
    expect(
      await problemOf(await post('entries', new Uint8Array(bytes), 'application/vnd.prooflog.bundle')),
    ).toMatchObject({ status: 400, code: 'invalid_bundle' })
  }
  expect(log.stored).toHaveLength(300)
})

test('an empty batch is no batch', async () => {
  for (const type of ['application/x-ndjson', 'application/vnd.prooflog.bundle', 'application/json']) {
    expect(await problemOf(await post('entries', '', type)), type).toMatchObject({
      status: 400,
      code: 'invalid_body',
    })
  }
})

test('a batch has at most 8,192 entries and 16 MiB', async () => {
  const many = Array.from({ length: 8_192 }, (_, i) => `{"text":"batch ${i}"}`)
  expect(await (await ndjson('entries', ...many)).json()).toMatchObject({ count: 8_192, first_index: 300 })
  expect((await problemOf(await ndjson('entries', ...many, '{"text":"one more"}'))).body).toMatchObject({
    status: 413,
    code: 'batch_too_large',
    line: 8_193,
  })
  const bundle = encodeBundle(Array.from({ length: 8_193 }, () => Buffer.alloc(0)))
  expect(
    (await post('entries', new Uint8Array(bundle), 'application/vnd.prooflog.bundle')).status,
  ).toBeGreaterThanOrEqual(400)
  expect(
    await problemOf(await post('entries', new Uint8Array(16 * 1024 * 1024 + 1), 'application/x-ndjson')),
  ).toMatchObject({ status: 413, code: 'body_too_large' })
  expect(log.stored).toHaveLength(300 + 8_192)
})

test('a content type that is not known, or a compressed body, is refused with 415', async () => {
  for (const type of ['', 'text/plain', 'application/jsonx', 'multipart/form-data; boundary=x']) {
    expect(await problemOf(await post('entries', new Uint8Array(3), type)), type).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    })
  }
  expect((await post('add', 'x', undefined, { 'content-encoding': 'gzip' })).status).toBe(415)
})

test('wait=published answers when a checkpoint covers the entries, with its size', async () => {
  const response = await post('entries?wait=published&timeout=1', 'x', 'application/octet-stream')
  expect(await response.json()).toMatchObject({ index: 300, tree_size: 301 })
  expect(
    await (await post('entries?wait=committed', 'x', 'application/octet-stream')).json(),
  ).not.toHaveProperty('tree_size')
})

test('a wait that ends without a checkpoint is 503, and says that the entries are stored and where', async () => {
  log.publishing = false
  const waiting = post('entries?wait=published&timeout=60', 'x', 'application/octet-stream')
  t.stop.abort() // the process stops: waits end
  const { status, code, body, headers } = await problemOf(await waiting)
  expect([status, code, headers.get('retry-after')]).toEqual([503, 'wait_timeout', '1'])
  expect(body['receipt']).toMatchObject({ index: 300, duplicate: false })
  expect(log.stored).toHaveLength(301)
})

test('wait=witnessed answers when a cosigned checkpoint covers the entries, and not before', async () => {
  log.quorum = 'met'
  const response = await post('entries?wait=witnessed&timeout=1', 'x', 'application/octet-stream')
  expect(await response.json()).toMatchObject({ index: 300, tree_size: 301 })
  log.quorum = 'missed'
  const waiting = post('entries?wait=witnessed&timeout=60', 'y', 'application/octet-stream')
  t.stop.abort()
  const { status, code, body } = await problemOf(await waiting)
  expect([status, code]).toEqual([503, 'wait_timeout'])
  expect(body['receipt']).toMatchObject({ index: 301 })
})

test('waits leave nothing behind on what outlives them', async () => {
  for (let i = 0; i < 3; i++) await post('entries?wait=published', `entry ${i}`, 'application/octet-stream')
  expect(getEventListeners(t.stop.signal, 'abort')).toHaveLength(0)
  log.publishing = false
  const waiting = post('entries?wait=published', 'x', 'application/octet-stream')
  await expect.poll(() => getEventListeners(t.stop.signal, 'abort').length).toBe(1)
  t.stop.abort()
  expect((await waiting).status).toBe(503)
  expect(getEventListeners(t.stop.signal, 'abort')).toHaveLength(0)
  const late = await post('entries?wait=published&timeout=60', 'y', 'application/octet-stream')
  expect(late.status, 'a stopping process waits for nothing').toBe(503)
})

test('bodies under way hold 128 MiB at most, together: beyond it 503, and the memory comes back', async () => {
  const controllers: ReadableStreamDefaultController[] = []
  const slow = () =>
    post(
      'entries',
      new ReadableStream({ start: (one) => void controllers.push(one) }),
      'application/x-ndjson',
      {
        'content-length': String(16 * 1024 * 1024),
      },
    )
  const under = Array.from({ length: 8 }, slow)
  const { status, code, headers } = await problemOf(await post('add', 'one more', undefined))
  expect([status, code, headers.get('retry-after')]).toEqual([503, 'queue_full', '1'])
  for (const one of controllers) one.error(new Error('connection lost'))
  for (const answer of await Promise.all(under)) expect(answer.status).toBe(400)
  expect((await post('add', 'one more')).status).toBe(200)
})

test('what cannot be waited for is said before anything is stored', async () => {
  for (const query of [
    'wait=witnessed',
    'wait=',
    'wait=forever',
    'timeout=0',
    'timeout=61',
    'timeout=1.5',
    'timeout=+1',
    'waits=published',
    'wait=committed&wait=published',
  ]) {
    expect(
      await problemOf(await post(`entries?${query}`, 'x', 'application/octet-stream')),
      query,
    ).toMatchObject({ status: 400, code: 'invalid_parameter' })
  }
  expect(log.stored).toHaveLength(300)
})
