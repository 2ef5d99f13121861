import { beforeAll, expect, test } from 'vitest'
import type { z } from 'zod'
import { parseBundle } from '../../src/core/bundle.ts'
import { hashLeaf } from '../../src/core/hash.ts'
import { checkConsistency, checkInclusion, checkSubtree } from '../../src/core/verify.ts'
import * as schemas from '../../src/http/schemas.ts'
import { LogError } from '../../src/log/errors.ts'
import { ALL, problemOf, type TestApp, testApp } from '../support/http-app.ts'

const IMMUTABLE = 'public, max-age=604800, immutable'

let t: TestApp
beforeAll(async () => {
  t = await testApp()
})

const get = (path: string, headers: Record<string, string> = {}) =>
  Promise.resolve(t.app.request(path, { headers }))

/** A 200 of exactly the documented shape. */
async function body<T extends z.ZodType>(
  path: string,
  schema: T,
  headers: Record<string, string> = {},
): Promise<z.infer<T>> {
  const response = await get(path, headers)
  expect(response.status, path).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/json')
  return schema.parse(await response.json())
}
const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'))
async function root(log = 'open'): Promise<Uint8Array> {
  return bytes((await body(`/logs/${log}/sth`, schemas.treeHead)).sha256_root_hash)
}

test('the checkpoint is served byte for byte, and not cached', async () => {
  const response = await get('/logs/private/checkpoint')
  expect(Buffer.from(await response.arrayBuffer())).toEqual(
    Buffer.from(t.logs.byName.get('private')!.published().note),
  )
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(response.headers.get('cache-control')).toBe('no-cache')
})

test('tiles are octets, immutable and open to any page', async () => {
  for (const [path, size] of [
    ['0/000', 8192],
    ['0/000.p/3', 96],
    ['0/001.p/44', 44 * 32],
    ['1/000.p/1', 32],
  ] as const) {
    const response = await get(`/logs/private/tile/${path}`)
    expect(response.status, path).toBe(200)
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'application/octet-stream',
      'cache-control': IMMUTABLE,
      'access-control-allow-origin': '*',
    })
    expect((await response.arrayBuffer()).byteLength).toBe(size)
  }
})

test('bundles are immutable for all if the log is public, for their reader alone if not', async () => {
  const open = await get('/logs/open/tile/entries/001.p/44')
  expect(open.headers.get('cache-control')).toBe(IMMUTABLE)
  expect(parseBundle(new Uint8Array(await open.arrayBuffer()))).toHaveLength(44)
  const closed = await get('/logs/private/tile/entries/000', ALL)
  expect(closed.headers.get('cache-control')).toBe('private, max-age=604800, immutable')
})

test('tiles, bundles and checkpoints take no parameters: a cache would keep a copy for each', async () => {
  for (const path of ['checkpoint', 'tile/0/000', 'tile/entries/000']) {
    expect((await get(`/logs/open/${path}`)).status, path).toBe(200)
    expect(await problemOf(await get(`/logs/open/${path}?v=1`)), path).toMatchObject({
      status: 400,
      code: 'invalid_parameter',
    })
  }
})

test('what is no tile, or not published yet, is 404 and never cached', async () => {
  const paths = [
    '0/001',
    '0/001.p/45',
    '0/000.p/0',
    '0/000.p/256',
    '0/000.p/03',
    '0/002.p/1',
    '1/000',
    '1/000.p/2',
    '2/000.p/1',
    '0/000/',
    '0/0',
    '00/000',
    '-1/000',
    '64/000',
    '0/x000/000',
    '0/1000',
    '0/000.p/',
    'x/y',
    '0',
    '0/x999/x999/x999/x999/x999/999',
    '9'.repeat(5000),
  ]
  for (const path of paths) {
    const { status, code, headers } = await problemOf(await get(`/logs/open/tile/${path}`))
    expect([status, code, headers.get('cache-control')], path).toEqual([404, 'tile_not_found', 'no-store'])
  }
})

test('the bundles of a private log cannot be had by another spelling of the path', async () => {
  for (const path of [
    'entries/000',
    '%65ntries/000',
    'entries%2F000',
    '0/../entries/000',
    './entries/000',
    '/entries/000',
    'ENTRIES/000',
  ]) {
    const response = await get(`/logs/private/tile/${path}`)
    expect([401, 404], path).toContain(response.status)
  }
})

test('a log named like a path of its own is served like any other', async () => {
  await t.logs.create({ name: 'tile', public: true })
  await t.app.request('/logs/tile/add', { method: 'POST', headers: ALL, body: 'x' })
  expect((await get('/logs/tile/tile/0/000.p/1')).status).toBe(200)
  expect((await get('/logs/tile/tile/entries/000.p/1')).status).toBe(200)
})

test('an entry comes back as the bytes that went in', async () => {
  const response = await get('/logs/private/entries/299', ALL)
  expect(await response.text()).toBe('299')
  expect(response.headers.get('content-type')).toBe('application/octet-stream')
  expect(await problemOf(await get('/logs/private/entries/300', ALL))).toMatchObject({
    status: 404,
    code: 'index_out_of_range',
  })
})

test('entries come by range, as JSON or as lines', async () => {
  const { entries, tree_size: size } = await body('/logs/open/entries?start=298&limit=5', schemas.entryList)
  expect(size).toBe(300)
  expect(entries.map(({ index, entry }) => [index, bytes(entry)])).toEqual(
    [298, 299].map((i) => [i, new Uint8Array(Buffer.from(String(i)))]),
  )
  const lines = await get('/logs/open/entries?start=1&limit=2', { accept: 'application/x-ndjson' })
  expect(lines.headers.get('content-type')).toBe('application/x-ndjson')
  expect((await lines.text()).split('\n').map((line) => line && JSON.parse(line).index)).toEqual([1, 2, ''])
  expect((await body('/logs/open/entries', schemas.entryList)).entries).toHaveLength(100)
  expect((await body('/logs/open/entries?start=300', schemas.entryList)).entries).toEqual([])
  expect(await problemOf(await get('/logs/open/entries?start=301'))).toMatchObject({
    status: 404,
    code: 'index_out_of_range',
  })
})

test('an entry is found by its leaf hash, in base64 or hex', async () => {
  const hash = Buffer.from(hashLeaf(Buffer.from('42')))
  for (const text of [encodeURIComponent(hash.toString('base64')), hash.toString('hex')]) {
    expect(await body(`/logs/open/entries?leaf_hash=${text}`, schemas.entry)).toMatchObject({
      index: 42,
      entry: 'NDI=',
    })
    for (const name of ['leaf_hash', 'hash'])
      expect(await body(`/logs/open/proofs/inclusion?${name}=${text}`, schemas.inclusionProof)).toMatchObject(
        {
          leaf_index: 42,
        },
      )
  }
  for (const text of [
    hash.toString('hex').toUpperCase(),
    hash.toString('base64url'),
    `${hash.toString('hex')}0`,
    '',
    'x',
  ]) {
    expect(
      await problemOf(await get(`/logs/open/entries?leaf_hash=${encodeURIComponent(text)}`)),
      text,
    ).toMatchObject({ status: 400, code: 'invalid_parameter' })
  }
  expect(await problemOf(await get(`/logs/open/entries?leaf_hash=${'0'.repeat(64)}`))).toMatchObject({
    status: 404,
    code: 'leaf_not_found',
  })
})

test('proofs verify, and need no key', async () => {
  const inclusion = await body('/logs/private/proofs/inclusion?index=7', schemas.inclusionProof)
  checkInclusion(7, 300, hashLeaf(Buffer.from('7')), inclusion.audit_path.map(bytes), await root('private'))
  const old = await body('/logs/private/proofs/inclusion?index=7&size=8', schemas.inclusionProof)
  expect(old).toMatchObject({ leaf_index: 7, tree_size: 8 })
  const subtree = await body('/logs/private/proofs/subtree?start=4&end=8&size=300', schemas.subtreeProof)
  checkSubtree(
    4,
    8,
    300,
    bytes(subtree.subtree_hash),
    subtree.subtree_proof.map(bytes),
    await root('private'),
  )
  const first = await body('/logs/private/proofs/subtree?start=0&end=256&size=300', schemas.subtreeProof)
  const { consistency } = await body(
    '/logs/private/proofs/consistency?from=256&to=300',
    schemas.consistencyProof,
  )
  checkConsistency(256, 300, bytes(first.subtree_hash), await root('private'), consistency.map(bytes))
  expect(
    (await body('/logs/private/proofs/consistency?from=0&to=300', schemas.consistencyProof)).consistency,
  ).toEqual([])
})

test('an entry has a proof to keep, as text or JSON', async () => {
  const file = await get('/logs/private/entries/7/proof')
  expect(file.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(await file.text()).toMatch(/^c2sp\.org\/tlog-proof@v1\nindex 7\n/)
  const proof = await body('/logs/private/entries/7/proof', schemas.entryProof, {
    accept: 'application/json',
  })
  checkInclusion(
    7,
    proof.tree_size,
    hashLeaf(Buffer.from('7')),
    proof.audit_path.map(bytes),
    await root('private'),
  )
  expect(proof.checkpoint).toBe(await (await get('/logs/private/checkpoint')).text())
  expect((await get('/logs/private/entries/300/proof')).status).toBe(404)
})

test('every published tree head can be had, page by page, newest first', async () => {
  const seqs: number[] = []
  let next: number | null = null
  do {
    const page: z.infer<typeof schemas.treeHeadList> = await body(
      `/logs/open/sths?limit=1${next === null ? '' : `&before=${next}`}`,
      schemas.treeHeadList,
    )
    seqs.push(...page.sths.map(({ seq }) => seq))
    ;({ next } = page)
  } while (next !== null)
  expect(seqs).toEqual([1, 0])
  expect((await body('/logs/open/sths?before=0', schemas.treeHeadList)).sths).toEqual([])
})

test('a page of tree heads has 20, or up to 100', async () => {
  await t.logs.create({ name: 'long', public: true })
  for (let i = 0; i < 130; i++)
    await t.app.request('/logs/long/add', { method: 'POST', headers: ALL, body: String(i) })
  expect((await body('/logs/long/sths', schemas.treeHeadList)).sths).toHaveLength(20)
  expect((await body('/logs/long/sths?limit=100', schemas.treeHeadList)).sths).toHaveLength(100)
})

test('a path that holds a percent sign or an empty segment names nothing', async () => {
  for (const path of [
    '/logs/op%65n/checkpoint',
    '/logs/open%20/checkpoint',
    '/logs/%00/checkpoint',
    '/logs/..%2f/checkpoint',
    '/logs/open/%63heckpoint',
    '/logs/open/tile/0/%30%30%30',
    '/logs/open/tile/%30/000',
    '/logs/open/tile/0/000%2Ep/3',
    '/logs/open/tile/0//000',
    '/logs/open/entries/1%20',
    '/logs/open/entries/١',
    '/logs//open/checkpoint',
    '//logs',
    '/keys/%00',
  ]) {
    expect(await problemOf(await get(path, ALL)), path).toMatchObject({ status: 404, code: 'not_found' })
  }
})

test('numbers are canonical decimals, parameters are known and given once', async () => {
  const bad = [
    '',
    '-1',
    '+1',
    '01',
    '1.0',
    '1e2',
    '0x10',
    '9007199254740992',
    '99999999999999999999',
    'NaN',
    'Infinity',
    'null',
  ]
  const paths = [
    'entries?start=$',
    'entries?limit=$',
    'proofs/inclusion?index=$',
    'proofs/inclusion?index=0&size=$',
    'proofs/consistency?from=$&to=1',
    'proofs/consistency?from=0&to=$',
    'proofs/subtree?start=$&end=1&size=1',
    'sths?limit=$',
    'sths?before=$',
    'entries/$/proof',
  ]
  for (const path of paths) {
    for (const number of bad) {
      if (path === 'entries/$/proof' && number === '') continue
      const { status, code } = await problemOf(await get(`/logs/open/${path.replace('$', number)}`))
      expect([status, code], `${path} ${number}`).toEqual([400, 'invalid_parameter'])
    }
  }
  const others = [
    'proofs/inclusion',
    `proofs/inclusion?index=1&hash=${'0'.repeat(64)}`,
    `proofs/inclusion?index=1&leaf_hash=${'0'.repeat(64)}`,
    `proofs/inclusion?hash=${'0'.repeat(64)}&leaf_hash=${'0'.repeat(64)}`,
    'proofs/inclusion?index=1&index=1',
    'proofs/inclusion?idx=1',
    'proofs/consistency?from=1',
    'proofs/consistency?from=2&to=1',
    'proofs/subtree?start=1&end=1&size=2',
    'proofs/subtree?start=1&end=3&size=9',
    'proofs/subtree?start=0&end=3&size=2',
    'entries?limit=0',
    'entries?limit=257',
    `entries?start=0&leaf_hash=${'0'.repeat(64)}`,
    'sth?x=1',
    'sths?limit=101',
  ]
  for (const path of others) {
    expect(await problemOf(await get(`/logs/open/${path}`)), path).toMatchObject({
      status: 400,
      code: 'invalid_parameter',
    })
  }
})

test('sizes that were never published are 404, size 0 included', async () => {
  for (const path of [
    'proofs/inclusion?index=0&size=0',
    'proofs/inclusion?index=0&size=301',
    'proofs/consistency?from=0&to=301',
    'proofs/subtree?start=0&end=1&size=301',
  ]) {
    expect(await problemOf(await get(`/logs/open/${path}`)), path).toMatchObject({
      status: 404,
      code: 'size_out_of_range',
    })
  }
  expect(await problemOf(await get('/logs/open/proofs/inclusion?index=5&size=5'))).toMatchObject({
    status: 404,
    code: 'index_out_of_range',
  })
})

test('logs tell their keys, their checkpoint and what they can promise', async () => {
  const { logs } = await body('/logs', schemas.logList)
  expect(logs.map(({ name }) => name)).toEqual(expect.arrayContaining(['private', 'open']))
  const log = await body('/logs/private', schemas.logSummary)
  expect(log).toMatchObject({
    name: 'private',
    origin: 'log.test/logs/private',
    size: 300,
    level: 'tamper-evident',
    public: false,
  })
  expect(bytes(log.root!)).toEqual(await root('private'))
})

test('an unknown log is 404, whatever its name looks like', async () => {
  for (const name of ['nobody', 'OPEN', 'a'.repeat(64), '-', 'constructor', '__proto__']) {
    const { status, code } = await problemOf(await get(`/logs/${name}/checkpoint`))
    expect([status, code], name).toEqual([404, 'log_not_found'])
  }
})

test('HEAD is GET without the body', async () => {
  const response = await t.app.request('/logs/open/checkpoint', { method: 'HEAD' })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(await response.text()).toBe('')
})

test('a method that is not served is 405 and says which are; what is not served at all is 404', async () => {
  const response = await problemOf(
    await Promise.resolve(t.app.request('/logs/open/checkpoint', { method: 'DELETE' })),
  )
  expect(response).toMatchObject({ status: 405, code: 'method_not_allowed' })
  expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
  for (const path of ['/nothing', '/logs/', '/logs/open/', '/logs/open/checkpoint/', '//logs', '/LOGS']) {
    expect(await problemOf(await get(path)), path).toMatchObject({ status: 404 })
  }
})

test('a page of another origin may read, and may send its own key', async () => {
  const response = await t.app.request('/logs/open/entries', {
    method: 'OPTIONS',
    headers: { origin: 'https://app.test', 'access-control-request-method': 'POST' },
  })
  expect(response.status).toBe(204)
  expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST, HEAD, OPTIONS')
  expect(response.headers.get('access-control-allow-headers')).toContain('Authorization')
  expect(response.headers.get('access-control-allow-credentials')).toBeNull()
  expect((await get('/logs/open/entries/999')).headers.get('access-control-allow-origin')).toBe('*')
})

test('the policy of a log is served as a file, and told with the log; one that cannot be read is a problem, not a default', async () => {
  const log = t.logs.byName.get('open')!
  const response = await get('/logs/open/policy')
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  const policy = await response.text()
  expect(policy).toBe(log.policy().text)
  expect(await (await get('/logs/open')).json()).toMatchObject({ policy, quorum: 'none', witnesses: [] })
  log.policyFault = new LogError('policy_invalid', 'line 3 of the policy')
  expect(await problemOf(await get('/logs/open/policy'))).toMatchObject({
    status: 503,
    code: 'policy_invalid',
  })
  expect(await (await get('/logs/open')).json()).toMatchObject({ policy: null })
})
