// Who may use which of the log's own routes; test/support/access-matrix.ts has the callers and the rules.
import { expect, test } from 'vitest'
import type { Keys } from '../../src/access/keys.ts'
import { guardedRoutes } from '../../src/http/app.ts'
import { ACCESS, guardRoutes } from '../../src/http/route-table.ts'
import type { Route } from '../../src/http/route.ts'
import { selfCheckRoutes } from '../../src/http/self-check-routes.ts'
import { type Sample, testAccess } from '../support/access-matrix.ts'
import { fakeLog } from '../support/fake-logs.ts'
import { testApp } from '../support/http-app.ts'

const index = { params: async () => ({ index: '5' }) }
const json = (body: () => object): Sample => ({
  body: () => JSON.stringify(body()),
  type: 'application/json',
})
let made = 0

const SAMPLES: Record<string, Sample> = {
  'GET /logs': {},
  'GET /logs.v0': {},
  'POST /logs': json(() => ({ name: `log-${++made}` })),
  'GET /logs/:log': {},
  'POST /logs/:log/keys': {},
  'DELETE /logs/:log/keys/:keyid': { params: async () => ({ keyid: '0123abcd' }) },
  'POST /logs/:log/state': json(() => ({ state: 'draining' })),
  'GET /logs/:log/policy': {},
  'GET /logs/:log/checkpoint': {},
  'GET /logs/:log/tile/entries/:bundle{.+}': { params: async () => ({ bundle: '000' }) },
  'GET /logs/:log/tile/:tile{.+}': { params: async () => ({ tile: '0/000' }) },
  'POST /logs/:log/add': { body: () => 'an entry' },
  'POST /logs/:log/entries': { body: () => 'an entry', type: 'application/octet-stream' },
  'GET /logs/:log/entries': {},
  'GET /logs/:log/entries/:index': index,
  'GET /logs/:log/entries/:index/proof': index,
  'GET /logs/:log/proofs/inclusion': { query: '?index=3' },
  'GET /logs/:log/proofs/consistency': { query: '?from=3&to=300' },
  'GET /logs/:log/proofs/subtree': { query: '?start=0&end=4&size=300' },
  'GET /logs/:log/sth': {},
  'GET /logs/:log/sths': {},
  'GET /keys': {},
  'POST /keys': json(() => ({ name: 'k', scopes: ['keys:write'] })),
  'DELETE /keys/:id': { params: victim },
  'GET /healthz': {},
  'GET /readyz': {},
  'GET /metrics': {},
  'GET /openapi.json': {},
  'GET /docs': {},
  'GET /logs/:log/self-check': {},
  'GET /self-check/events': {},
}

async function victim(keys: Keys): Promise<{ id: string }> {
  return { id: (await keys.create({ name: 'victim', scopes: ['entries:read'] })).info.id }
}

const selfCheck = selfCheckRoutes({ selfCheck: undefined, stopping: new AbortController().signal })

testAccess({
  access: { ...ACCESS, ...selfCheck.access },
  samples: SAMPLES,
  async open(keys, journal) {
    const { app, logs, deps } = await testApp({ keys, journal, more: [selfCheck] })
    for (const name of ['other', 'default', '_meta']) {
      logs.byName.set(name, fakeLog(name))
      await logs.byName.get(name)?.append(Array.from({ length: 300 }, (_, i) => Buffer.from(String(i))))
    }
    return { app, routes: guardedRoutes(deps).map(({ route }) => route) }
  },
})

test('what changes something needs its scope, what shows entries may be read, and the rest is public', () => {
  const scoped = Object.entries(ACCESS).filter(([, access]) => access !== 'public')
  expect(Object.fromEntries(scoped)).toEqual({
    'POST /logs': 'logs:admin',
    'GET /keys': 'keys:write',
    'POST /keys': 'keys:write',
    'DELETE /keys/:id': 'keys:write',
    'POST /logs/:log/keys': 'logs:admin',
    'DELETE /logs/:log/keys/:keyid': 'logs:admin',
    'POST /logs/:log/state': 'logs:admin',
    'POST /logs/:log/add': 'entries:append',
    'POST /logs/:log/entries': 'entries:append',
    'GET /logs/:log/entries': 'entries:read unless public',
    'GET /logs/:log/entries/:index': 'entries:read unless public',
    'GET /logs/:log/tile/entries/:bundle{.+}': 'entries:read unless public',
  })
})

test('a refused caller changed nothing', async () => {
  const { app, logs } = await testApp()
  const log = logs.byName.get('private')!
  const before = log.stored.length
  for (const authorization of ['Bearer entries:read', 'Bearer plog_oops', 'Basic'])
    for (const path of ['add', 'entries', 'state', 'keys']) {
      const headers = { authorization, 'content-type': 'application/json' }
      const answer = await app.request(`/logs/private/${path}`, {
        method: 'POST',
        headers,
        body: '{"state":"draining"}',
      })
      expect([401, 403]).toContain(answer.status)
    }
  expect(log.stored).toHaveLength(before)
  expect(log.changes).toEqual([])
})

test('served routes, documented routes and rows of the table are the same', async () => {
  const { app } = await testApp()
  const served = new Set(
    app.routes
      .filter(({ method }) => method !== 'ALL' && method !== 'OPTIONS')
      .map(({ method, path }) => `${method} ${path}`),
  )
  expect([...served].toSorted()).toEqual(Object.keys(ACCESS).toSorted())
  const { paths } = (await (await app.request('/openapi.json')).json()) as { paths: Record<string, object> }
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const rows = Object.keys(ACCESS).map((row) => row.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}'))
  expect(documented.toSorted()).toEqual(rows.toSorted())
})

test('a route without a row, a row without a route and a route served twice each stop the program at its start', async () => {
  const route: Route = {
    method: 'GET',
    path: '/secret',
    handle: () => new Response('secret'),
    doc: { tag: 'x', summary: 'x', answers: {} },
  }
  await expect(testApp({ more: [{ routes: [route], access: {} }] })).rejects.toThrow(
    'GET /secret has no row in the access table',
  )
  await expect(testApp({ more: [{ routes: [], access: { 'GET /gone': 'public' } }] })).rejects.toThrow(
    'row GET /gone has no route',
  )
  expect(() => guardRoutes([route, route], { 'GET /secret': 'public' })).toThrow(
    'GET /secret is served twice',
  )
  // Names that every object inherits are no rows.
  expect(() => guardRoutes([{ ...route, path: 'x' }], {})).toThrow('no row')
})

test('a problem without a kind, or with two, stops the program at its start', async () => {
  const access = { 'GET /x': 'public' } as const
  const route: Route = {
    method: 'GET',
    path: '/x',
    handle: () => new Response('x'),
    doc: { tag: 'x', summary: 'x', answers: {}, problems: ['nobody_knows'] },
  }
  await expect(testApp({ more: [{ routes: [route], access }] })).rejects.toThrow(
    'unknown problem nobody_knows',
  )
  const problems = { key_missing: { status: 400, title: 'x' } } as const
  await expect(testApp({ more: [{ routes: [], access: {}, problems }] })).rejects.toThrow('described twice')
})
