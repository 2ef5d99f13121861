import { beforeEach, expect, test } from 'vitest'
import * as schemas from '../../src/http/schemas.ts'
import { ALL, problemOf, type TestApp, testApp } from '../support/http-app.ts'

let t: TestApp
beforeEach(async () => {
  t = await testApp()
})

function send(method: string, path: string, value?: unknown, type = 'application/json'): Promise<Response> {
  const body = value === undefined ? {} : { body: typeof value === 'string' ? value : JSON.stringify(value) }
  return Promise.resolve(t.app.request(path, { method, headers: { ...ALL, 'content-type': type }, ...body }))
}

test('a created log is there at once, with its first checkpoint', async () => {
  const response = await send('POST', '/logs', { name: 'new', public: true })
  expect(response.status).toBe(201)
  expect(schemas.logSummary.parse(await response.json())).toMatchObject({
    name: 'new',
    size: 0,
    public: true,
  })
  expect((await t.app.request('/logs/new/checkpoint')).status).toBe(200)
  expect(await problemOf(await send('POST', '/logs', { name: 'new' }))).toMatchObject({
    status: 409,
    code: 'log_exists',
  })
})

test('a key is shown once, listed without its secret, and revoked', async () => {
  const response = await send('POST', '/keys', {
    name: 'ci',
    scopes: ['entries:append'],
    logs: ['open'],
    expires_at: '2099-01-01T00:00:00+01:00',
  })
  expect(response.status).toBe(201)
  expect(response.headers.get('cache-control')).toBe('no-store')
  const created = schemas.createdKey.parse(await response.json())
  expect(created).toMatchObject({
    key: 'plog_secret',
    logs: ['open'],
    expires_at: '2098-12-31T23:00:00.000Z',
  })
  const listed = await send('GET', '/keys')
  expect(await listed.clone().text()).not.toContain('plog_secret')
  expect(schemas.keyList.parse(await listed.json()).keys).toHaveLength(1)
  expect(
    schemas.key.parse(await (await send('DELETE', `/keys/${created.id}`)).json()).revoked_at,
  ).not.toBeNull()
  expect(await problemOf(await send('DELETE', '/keys/nobody'))).toMatchObject({
    status: 404,
    code: 'key_not_found',
  })
})

test('a body of another shape is refused, and the answer says what is wrong', async () => {
  const keys = [
    {},
    { name: 'x' },
    { name: 'x', scopes: [] },
    { name: 'x', scopes: ['root'] },
    { name: '', scopes: ['entries:read'] },
    { name: 'x', scopes: ['entries:read'], logs: [] },
    { name: 'x', scopes: ['entries:read'], logs: ['nobody'] },
    { name: 'x', scopes: ['entries:read'], expires_at: 'tomorrow' },
    { name: 'x', scopes: ['entries:read'], expires_at: '10000-01-01T00:00:00Z' },
    { name: 'x', scopes: ['entries:read'], admin: true },
    [],
    null,
    'x{',
    '',
  ]
  const logs = [
    {},
    { name: 'UP' },
    { name: 'a b' },
    { name: 'x', origin: 'a b' },
    { name: 'x', origin: 'a+b' },
    { name: 'x', origin: '' },
    { name: 'x', size: 1 },
  ]
  for (const [path, bodies] of [
    ['/keys', keys],
    ['/logs', logs],
  ] as const) {
    for (const body of bodies) {
      const problem = await problemOf(await send('POST', path, body))
      expect(problem, JSON.stringify(body)).toMatchObject({ status: 400, code: 'invalid_body' })
      expect(problem.body['detail']).toBeTruthy()
    }
    expect(await problemOf(await send('POST', path, '{}', 'text/plain'))).toMatchObject({ status: 415 })
    expect(await problemOf(await send('POST', path, ' '.repeat(65_537)))).toMatchObject({
      status: 413,
      code: 'body_too_large',
    })
  }
})
