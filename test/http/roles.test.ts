// Every route for every kind of caller, worked out from the access table and from nothing else. Keys are real.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Keys, openKeys } from '../../src/access/keys.ts'
import { SCOPES, type Scope } from '../../src/access/scopes.ts'
import { connect, type Database } from '../../src/db/connect.ts'
import { guardedRoutes } from '../../src/http/app.ts'
import { ACCESS, guardRoutes } from '../../src/http/route-table.ts'
import { type Route, routeName } from '../../src/http/route.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { type TestApp, testApp } from '../support/http-app.ts'

let database: TestDatabase
let db: Database
let keys: Keys
let t: TestApp
let now = Date.parse('2030-01-01T00:00:00Z')
const bearers = new Map<string, string>()

const GRANTS: Record<string, { scopes: readonly Scope[]; logs?: string[] }> = {
  'append-only': { scopes: ['entries:append'] },
  'read-only': { scopes: ['entries:read'] },
  admin: { scopes: ['logs:admin'] },
  everything: { scopes: SCOPES },
  'bound to this log': { scopes: SCOPES, logs: ['private', 'open'] },
  'bound to another log': { scopes: SCOPES, logs: ['other'] },
}
/** Kinds of callers that have no valid key at all, and what they are told. */
const STRANGERS: Record<string, string> = {
  'no key': 'key_missing',
  'wrong key': 'key_malformed',
  'unknown key': 'key_unknown',
  revoked: 'key_revoked',
  expired: 'key_expired',
}

beforeAll(async () => {
  database = await testDatabase()
  db = connect({ url: database.url })
  keys = await openKeys(db, { now: () => now, monotonic: () => 0 })
  for (const [role, grant] of Object.entries(GRANTS))
    bearers.set(role, (await keys.create({ name: role, ...grant })).key)
  const revoked = await keys.create({ name: 'revoked', scopes: SCOPES })
  await keys.revoke(revoked.info.id)
  const expired = await keys.create({ name: 'expired', scopes: SCOPES, expiresAt: new Date(now + 1) })
  const unknown = await keys.create({ name: 'unknown', scopes: SCOPES })
  await database.owner`DELETE FROM access.keys WHERE id = ${unknown.info.id}`
  now += 1
  bearers
    .set('revoked', revoked.key)
    .set('expired', expired.key)
    .set('unknown key', unknown.key)
    .set('wrong key', 'plog_oops')
  t = await testApp({ keys })
})
afterAll(async () => {
  await keys.close()
  await db.close()
  await database.drop()
})

/** A request that succeeds for whoever may make it. */
const REQUESTS: Record<string, { query?: string; body?: () => string | Uint8Array; type?: string }> = {
  'POST /logs': {
    body: () => JSON.stringify({ name: `log-${bearers.size}-${Math.floor(Math.random() * 1e9)}` }),
    type: 'application/json',
  },
  'POST /keys': {
    body: () => JSON.stringify({ name: 'k', scopes: ['entries:read'] }),
    type: 'application/json',
  },
  'POST /logs/:log/state': { body: () => '{"state":"draining"}', type: 'application/json' },
  'POST /logs/:log/add': { body: () => 'an entry' },
  'POST /logs/:log/entries': { body: () => 'an entry', type: 'application/octet-stream' },
  'GET /logs/:log/proofs/inclusion': { query: '?index=3' },
  'GET /logs/:log/proofs/consistency': { query: '?from=3&to=300' },
  'GET /logs/:log/proofs/subtree': { query: '?start=0&end=4&size=300' },
}

async function ask(route: Route, role: string, log: string): Promise<Response> {
  const { query = '', body, type } = REQUESTS[routeName(route)] ?? {}
  let path = route.path
    .replace(':log', log)
    .replace(':tile{.+}', '0/000')
    .replace(':bundle{.+}', '000')
    .replace(':index', '5')
    .replace(':keyid', '0123abcd')
  if (path.includes(':id'))
    path = path.replace(':id', (await keys.create({ name: 'victim', scopes: ['entries:read'] })).info.id)
  const bearer = bearers.get(role)
  return t.app.request(path + query, {
    method: route.method,
    headers: {
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(type === undefined ? {} : { 'content-type': type }),
    },
    ...(body === undefined ? {} : { body: body() }),
  })
}

/** What the table says; `undefined` is success. */
function expected(name: string, role: string, log: string): string | undefined {
  const access = ACCESS[name]!
  if (access === 'public' || (access === 'entries:read unless public' && log === 'open')) return undefined
  if (role in STRANGERS) return STRANGERS[role]
  const grant = GRANTS[role]!
  if (!grant.scopes.includes(access === 'entries:read unless public' ? 'entries:read' : access))
    return 'insufficient_scope'
  const ofLog = name.includes('/:log')
  if (grant.logs && !(ofLog && grant.logs.includes(log))) return 'key_not_for_log'
  return undefined
}

const ROLES = [...Object.keys(STRANGERS), ...Object.keys(GRANTS)]

describe.each(Object.keys(ACCESS))('%s', (name) => {
  test.each(
    name.includes('/:log')
      ? ROLES.flatMap((role) => [
          [role, 'private'],
          [role, 'open'],
        ])
      : ROLES.map((role) => [role, '']),
  )('for %s %s', async (role, log) => {
    const route = guardedRoutes(t.deps).find((one) => routeName(one.route) === name)!.route
    const response = await ask(route, role!, log!)
    const code = expected(name, role!, log!)
    const challenge =
      code === 'key_missing' ? 'Bearer' : role! in STRANGERS ? 'Bearer error="invalid_token"' : null
    const refusal = { status: role! in STRANGERS ? 401 : 403, code, challenge }
    expect(await outcomeOf(response)).toEqual(code === undefined ? 'served' : refusal)
  })
})

async function outcomeOf(response: Response): Promise<unknown> {
  if (response.ok) return 'served'
  const { code } = (await response.json()) as { code: string }
  return { status: response.status, code, challenge: response.headers.get('www-authenticate') }
}

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
  const before = t.logs.byName.get('private')!.stored.length
  const add = guardedRoutes(t.deps).find((one) => routeName(one.route) === 'POST /logs/:log/add')!.route
  for (const role of ROLES) {
    if (expected('POST /logs/:log/add', role, 'private') !== undefined) await ask(add, role, 'private')
  }
  expect(t.logs.byName.get('private')!.stored).toHaveLength(before)
})

test('served routes, documented routes and rows of the table are the same', async () => {
  const served = new Set(
    t.app.routes
      .filter(({ method }) => method !== 'ALL' && method !== 'OPTIONS')
      .map(({ method, path }) => `${method} ${path}`),
  )
  expect([...served].toSorted()).toEqual(Object.keys(ACCESS).toSorted())
  const { paths } = (await (await t.app.request('/openapi.json')).json()) as { paths: Record<string, object> }
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
