import { createHash } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import type { AuditHttpDeps } from '../../src/audit/http/deps.ts'
import { auditRoutes } from '../../src/audit/http/routes.ts'
import { guardedRoutes } from '../../src/http/app.ts'
import type { OpenApi } from '../../src/http/openapi.ts'
import { PROBLEMS } from '../../src/http/problem.ts'
import { LogError } from '../../src/log/errors.ts'
import { ALL, problemOf, type TestApp, testApp } from '../support/http-app.ts'

let t: TestApp
beforeEach(async () => {
  t = await testApp()
})
const get = (path: string, headers: Record<string, string> = {}) =>
  Promise.resolve(t.app.request(path, { headers }))

test('alive is not ready: a stopping process is healthy and takes no new work', async () => {
  expect(await (await get('/readyz')).json()).toEqual({
    status: 'ready',
    logs: ['private', 'open'],
    witnesses: [],
    mirrors: [],
  })
  t.stop.abort()
  expect((await get('/healthz')).status).toBe(200)
  expect(await problemOf(await get('/readyz'))).toMatchObject({ status: 503, code: 'not_ready' })
})

test('readiness names the log and the reason', async () => {
  t.logs.byName.get('open')!.problems = [{ code: 'stale', message: 'log open was not signed for 20 min' }]
  const { status, body, headers } = await problemOf(await get('/readyz'))
  expect(status).toBe(503)
  expect(headers.get('retry-after')).toMatch(/^[0-9]+$/)
  expect(body['problems']).toEqual([
    { log: 'open', code: 'stale', message: 'log open was not signed for 20 min' },
  ])
})

test('without its database the service is not ready, and recovers by itself', async () => {
  t.database.fault = new Error('connect ECONNREFUSED')
  const { status, body } = await problemOf(await get('/readyz'))
  expect(status).toBe(503)
  expect(body['problems']).toEqual([expect.objectContaining({ log: null, code: 'store_unavailable' })])
  t.database.fault = undefined
  expect((await get('/readyz')).status).toBe(200)
})

test('metrics are labelled by log and by route, never by path', async () => {
  const { metrics } = t.deps
  metrics.appended('open', 5, 2, 0.01)
  metrics.batch('open', 3, 0.005)
  metrics.refused('open', 'queue_full')
  metrics.published('open', 303, 1_700_000_000_000)
  metrics.publishFailed('open', 'store_unavailable')
  metrics.head('open', 303)
  metrics.waiting('open', 7)
  await get('/logs/open/entries/12345')
  await get('/a-path-of-nobody')
  const response = await get('/metrics')
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const lines = (await response.text()).split('\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      'prooflog_entries_appended_total{log="open"} 5',
      'prooflog_entries_duplicate_total{log="open"} 2',
      'prooflog_append_seconds_count{log="open"} 1',
      'prooflog_batch_entries_sum{log="open"} 3',
      'prooflog_append_refused_total{log="open",code="queue_full"} 1',
      'prooflog_published_size{log="open"} 303',
      'prooflog_published_timestamp_seconds{log="open"} 1700000000',
      'prooflog_publish_failed_total{log="open",code="store_unavailable"} 1',
      'prooflog_head_size{log="open"} 303',
      'prooflog_entries_waiting{log="open"} 7',
      'prooflog_http_request_seconds_count{method="GET",route="/logs/:log/entries/:index",status="404"} 1',
      'prooflog_http_request_seconds_count{method="any",route="none",status="404"} 1',
    ]),
  )
  expect(lines.some((line) => line.startsWith('process_cpu_seconds_total'))).toBe(true)
  expect(lines.join('\n')).not.toMatch(/12345|a-path-of-nobody/)
})

test('every request is one line with route, status, log and key id; no secret, entry, path or query', async () => {
  const secret = 'Bearer plog_leak'
  await t.app.request('/logs/private/entries?wait=committed', {
    method: 'POST',
    body: 'the-entry',
    headers: { ...ALL, 'content-type': 'application/octet-stream' },
  })
  await t.app.request('/logs/private/entries', {
    method: 'POST',
    body: '{"text":"the-entry"',
    headers: { ...ALL, 'content-type': 'application/json' },
  })
  await get('/logs/private/entries/5?token=hunter2', { authorization: secret })
  await get('/nowhere/hunter2')
  expect(t.lines).toHaveLength(4)
  expect(t.lines[0]).toMatchObject({
    level: 20,
    method: 'POST',
    route: '/logs/:log/entries',
    status: 200,
    log: 'private',
    key: 'all',
  })
  expect(t.lines[1]).toMatchObject({ level: 30, status: 400, code: 'invalid_body' })
  expect(t.lines[2]).toMatchObject({ level: 30, status: 401, code: 'key_unknown', log: 'private' })
  expect(t.lines[3]).toMatchObject({ level: 30, status: 404, route: 'none' })
  expect(JSON.stringify(t.lines)).not.toMatch(/plog_leak|the-entry|hunter2/)
  expect(new Set(t.lines.map((line) => line['request_id'])).size).toBe(4)
})

test('while the database is down everything that needs it is 503 with Retry-After, and works again after', async () => {
  const log = t.logs.byName.get('private')!
  log.fault = new LogError('store_unavailable', 'the database does not answer')
  t.logs.fault = log.fault
  const paths = [
    '/logs',
    '/logs/nobody',
    '/logs/private/tile/0/000',
    '/logs/private/proofs/inclusion?index=1',
    '/logs/private/entries/1',
    '/logs/private/sths',
  ]
  for (const path of paths) {
    const { status, code, headers } = await problemOf(await get(path, ALL))
    expect([status, code, headers.get('retry-after')], path).toEqual([503, 'store_unavailable', '1'])
  }
  expect((await t.app.request('/logs/private/add', { method: 'POST', body: 'x', headers: ALL })).status).toBe(
    503,
  )
  expect((await get('/logs/private/checkpoint')).status, 'what is in memory is served').toBe(200)
  log.fault = undefined
  t.logs.fault = undefined
  expect((await t.app.request('/logs/private/add', { method: 'POST', body: 'x', headers: ALL })).status).toBe(
    200,
  )
})

test('keys that cannot be checked are 503, never 401', async () => {
  expect(await problemOf(await get('/keys', { authorization: 'Bearer down' }))).toMatchObject({
    status: 503,
    code: 'access_unavailable',
  })
})

test('a fault nobody foresaw is 503 without a stack, and its request id leads to the stack in the log', async () => {
  t.logs.byName.get('private')!.fault = new TypeError(
    "Cannot read properties of undefined (reading 'secret')",
  )
  const response = await get('/logs/private/entries/1', ALL)
  const text = await response.clone().text()
  const { status, code, body, headers } = await problemOf(response)
  expect([status, code, headers.get('retry-after')]).toEqual([503, 'unavailable', '1'])
  expect(text).not.toMatch(/TypeError|secret|\bat \S+:\d+|\.ts/)
  expect(t.lines.at(-1)).toMatchObject({
    level: 50,
    request_id: body['request_id'],
    err: { type: 'TypeError', stack: expect.stringContaining('operation.test.ts') },
  })
})

test('no code has a status that makes senders drop data', () => {
  for (const [code, { status }] of Object.entries(PROBLEMS)) expect(status, code).not.toBe(500)
})

test('the document is OpenAPI 3.1, valid where it refers, and complete', async () => {
  const document = (await (await get('/openapi.json')).json()) as {
    openapi: string
    info: { version: string }
    paths: Record<
      string,
      Record<
        string,
        {
          operationId: string
          security: object[]
          parameters: { name: string; in: string; description?: string }[]
          responses: Record<string, { description: string }>
        }
      >
    >
  }
  expect(document.openapi).toBe('3.1.0')
  expect(document.info.version).toBe('1.2.3')
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({ path, ...operation })),
  )
  expect(operations).toHaveLength(guardedRoutes(t.deps).length)
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
  for (const { path, parameters, responses } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    expect(
      parameters.filter((one) => one.in === 'path').map(({ name }) => name),
      path,
    ).toEqual(inPath)
    expect(Object.keys(responses), path).toContain('503')
    const silent = parameters.filter((one) => one.in === 'path' && !one.description)
    expect(silent, path).toEqual([])
  }
  expect(document.paths['/logs/{log}/add']!['post']).toMatchObject({
    security: [{ key: [] }, { basic: [] }, { header: [] }],
    responses: { 200: {}, 401: {}, 403: {}, 404: {}, 413: {} },
  })
  for (const path of ['/logs/{log}/add', '/logs/{log}/entries'])
    expect(document.paths[path]!['post']!.responses['503']!.description).toMatch(
      /queue_full, outcome_unknown/,
    )
  const reading = operations.filter(({ operationId }) => operationId.startsWith('get'))
  expect(reading.length).toBeGreaterThan(10)
  for (const { path, responses } of reading)
    expect(responses['503']!.description, path).not.toMatch(/queue_full|outcome_unknown/)
  expect(document.paths['/logs/{log}/proofs/consistency']!['get']!.parameters).toContainEqual(
    expect.objectContaining({
      name: 'from',
      in: 'query',
      required: true,
      schema: expect.objectContaining({ type: 'integer', minimum: 0 }),
    }),
  )
})

test('the reference page names every route and problem, loads nothing and runs nothing', async () => {
  const response = await get('/docs')
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const page = await response.text()
  for (const { route } of guardedRoutes(t.deps))
    expect(page).toContain(route.path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}'))
  for (const code of Object.keys(PROBLEMS)) expect(page).toContain(`<tr id="${code}">`)
  expect(page).not.toMatch(/<script|<link|<img|https?:\/\/|\[object|undefined|style="/)
  const style = /<style>([^]*?)<\/style>/.exec(page)![1]!
  const hash = createHash('sha256').update(style).digest('base64')
  expect(response.headers.get('content-security-policy')).toBe(
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  )
})

test('the reference tells what is in a JSON body, or where that is told', async () => {
  const audit = auditRoutes({ otlpAudit: true } as AuditHttpDeps)
  const { app } = await testApp({ more: [audit] })
  const { paths } = (await (await app.request('/openapi.json')).json()) as OpenApi
  const bodies = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody }]) =>
      Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => ({
        name: `${method} ${path} ${type}`,
        schema: JSON.stringify(schema),
      })),
    ),
  )
  const json = bodies.filter(({ name }) => name.endsWith('json') && !name.endsWith('x-ndjson'))
  expect(json.length).toBeGreaterThan(20)
  for (const { name, schema } of json) {
    expect(schema, name).toMatch(/"properties":\{"|docs\//)
    expect(schema, `${name} is whole`).not.toContain('$ref')
  }
  const page = await (await app.request('/docs')).text()
  for (const member of ['basis', 'specversion', 'severity', 'rate_append'])
    expect(page).toContain(`<td><code>${member}</code></td>`)
})

test('witnesses that fail are shown, and by themselves make nothing unready', async () => {
  const log = t.logs.byName.get('open')!
  log.quorum = 'missed'
  log.witnesses = [
    { name: 'w1', cosigned: true, failure: undefined },
    { name: 'w2', cosigned: false, failure: { reason: 'timeout', message: 'no answer' } },
  ]
  const witnesses = [
    { log: 'open', quorum: 'missed', name: 'w1', cosigned: true, failure: null },
    {
      log: 'open',
      quorum: 'missed',
      name: 'w2',
      cosigned: false,
      failure: { reason: 'timeout', message: 'no answer' },
    },
  ]
  expect(await (await get('/readyz')).json()).toMatchObject({ status: 'ready', witnesses })
  log.problems = [{ code: 'quorum_missed', message: 'w2 gave no cosignature' }]
  const { status, body } = await problemOf(await get('/readyz'))
  expect(status).toBe(503)
  expect(body).toMatchObject({ witnesses, problems: [{ log: 'open', code: 'quorum_missed' }] })
})
