// What surrounds every route: credentials in every form that agents send, routes at the root, refusals in a protocol's own
// words, problems of other rooms, limits, the log `_meta`.
import { expect, test } from 'vitest'
import type { Oidc } from '../../src/access/oidc.ts'
import type { Principal } from '../../src/access/principal.ts'
import { createRateLimiter } from '../../src/access/rate-limit.ts'
import { ProoflogError } from '../../src/core/errors.ts'
import type { AppDeps, RouteGroup } from '../../src/http/app.ts'
import { chargeEvents } from '../../src/http/charge.ts'
import type { LogRoute, Refusal } from '../../src/http/route.ts'
import { fakeLog } from '../support/fake-logs.ts'
import { ALL, fakeKeys, problemOf, type TestApp, testApp } from '../support/http-app.ts'

const DOC = { tag: 'x', summary: 'x', answers: {} }
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

class RoomError extends ProoflogError {
  readonly code: string
  constructor(code: string, evidence = {}) {
    super(`${code} happened`, evidence)
    this.code = code
  }
}

/** Who is served which log, as an answer. */
const echo: LogRoute['onLog'] = (_, log, who) => Response.json({ log: log.info.name, who: who?.id ?? null })

function group(route: Partial<LogRoute> = {}, more: Partial<RouteGroup> = {}): RouteGroup {
  return {
    routes: [{ method: 'POST', path: '/v1/x', doc: DOC, onLog: echo, ...route }],
    access: { [`${route.method ?? 'POST'} ${route.path ?? '/v1/x'}`]: 'events:append' },
    ...more,
  }
}

async function appWith(one: RouteGroup, more: Partial<AppDeps> = {}): Promise<TestApp> {
  const t = await testApp({ more: [one], ...more })
  for (const name of ['default', '_meta']) t.logs.byName.set(name, fakeLog(name))
  return t
}

/** Keys bound to what stands after the colon. */
function boundKeys(): ReturnType<typeof fakeKeys> {
  const keys = fakeKeys()
  return {
    ...keys,
    async verify(text) {
      const [key = '', logs] = text.split(':')
      return { ...(await keys.verify(key)), logs: logs === undefined ? null : logs.split(',') }
    },
  }
}

test('a key is taken from wherever an agent can be told to put it', async () => {
  const { app } = await appWith(group())
  const accepted = [
    { authorization: 'Bearer all' },
    { authorization: 'bearer  all' },
    { authorization: 'Splunk all' },
    { authorization: basic('anybody', 'all') },
    { authorization: basic('', 'all') },
    { 'x-api-key': 'all' },
    { 'x-api-key': 'all', authorization: 'Bearer all' },
  ]
  for (const headers of accepted)
    expect((await app.request('/v1/x', { method: 'POST', headers })).status, JSON.stringify(headers)).toBe(
      200,
    )
  const refused: [Record<string, string>, number, string][] = [
    [{}, 401, 'key_missing'],
    [{ authorization: 'Bearer wrong' }, 401, 'key_unknown'],
    [{ authorization: 'Digest all' }, 401, 'key_unknown'],
    [{ authorization: 'all' }, 401, 'key_unknown'],
    [{ authorization: basic('all', '') }, 401, 'key_unknown'],
    [{ authorization: 'Basic all' }, 401, 'key_unknown'],
    [{ 'x-api-key': 'wrong' }, 401, 'key_unknown'],
    [{ 'x-api-key': '', authorization: 'Bearer all' }, 400, 'credentials_conflict'],
    [{ 'x-api-key': 'entries:read', authorization: 'Bearer all' }, 400, 'credentials_conflict'],
    [{ authorization: 'Bearer down' }, 503, 'access_unavailable'],
    [{ 'x-api-key': 'down' }, 503, 'access_unavailable'],
  ]
  for (const [headers, status, code] of refused)
    expect(await problemOf(await app.request('/v1/x', { method: 'POST', headers }))).toMatchObject({
      status,
      code,
    })
})

test('what looks like a token goes to the provider when there is one, and is a key otherwise', async () => {
  const oidc: Oidc = {
    async verify(token) {
      const grants = [
        { scopes: ['events:append'], logs: ['default'] },
        { scopes: ['entries:read'], logs: null },
      ] as const
      const rights = { scopes: ['events:append', 'entries:read'], logs: null, grants } as const
      return { kind: 'oidc', id: `i#${token}`, name: 'Ada', source: 'i', ...rights }
    },
  }
  const authorization = 'Bearer aaa.bbb.ccc'
  const { app } = await appWith(group(), { oidc })
  const post = (headers: Record<string, string>) => app.request('/v1/x', { method: 'POST', headers })
  expect(await (await post({ authorization })).json()).toEqual({ log: 'default', who: 'i#aaa.bbb.ccc' })
  expect((await post({ authorization: 'Bearer all' })).status).toBe(200)
  expect((await post({ authorization: 'Splunk aaa.bbb.ccc' })).status).toBe(401)
  const without = await appWith(group())
  expect((await without.app.request('/v1/x', { method: 'POST', headers: { authorization } })).status).toBe(
    401,
  )
  // Granted for one log only, and not by the other grant's being for all.
  const named = await appWith(group({ path: '/logs/:log/x' }), { oidc })
  const to = (log: string) =>
    named.app.request(`/logs/${log}/x`, { method: 'POST', headers: { authorization } })
  expect((await to('default')).status).toBe(200)
  expect(await problemOf(await to('private'))).toMatchObject({ status: 403, code: 'key_not_for_log' })
})

test('at the root the log is the only one of the key, or else the default one', async () => {
  const { app } = await appWith(group(), { keys: boundKeys() })
  const post = (key: string) => app.request('/v1/x', { method: 'POST', headers: { 'x-api-key': key } })
  expect(await (await post('all')).json()).toMatchObject({ log: 'default' })
  expect(await (await post('all:private')).json()).toMatchObject({ log: 'private' })
  expect(await (await post('all:private,default')).json()).toMatchObject({ log: 'default' })
  expect(await problemOf(await post('all:private,open'))).toMatchObject({
    status: 403,
    code: 'key_not_for_log',
  })
  expect(await problemOf(await post('all:nobody'))).toMatchObject({ status: 404, code: 'log_not_found' })
  expect(await problemOf(await post('all:_meta'))).toMatchObject({ status: 403, code: 'log_reserved' })
})

test('a route may refuse in the words of its protocol; when to come back is said all the same', async () => {
  const told: Refusal[] = []
  const refuse: LogRoute['refuse'] = (_, refusal) => {
    told.push(refusal)
    return new Response(`no: ${refusal.code}`, { status: refusal.status })
  }
  const fault = { error: undefined as unknown }
  const onLog: LogRoute['onLog'] = () => {
    throw fault.error
  }
  const problems = { too_odd: { status: 400, title: 'Odd' } } as const
  const { app, lines } = await appWith(group({ refuse, onLog }, { problems }))
  const post = (headers: Record<string, string> = ALL) => app.request('/v1/x', { method: 'POST', headers })

  const missing = await post({})
  expect([missing.status, await missing.text(), missing.headers.get('www-authenticate')]).toEqual([
    401,
    'no: key_missing',
    'Bearer',
  ])
  fault.error = new RoomError('too_odd')
  expect([(await post()).status, told.at(-1)]).toMatchObject([
    400,
    { code: 'too_odd', title: 'Odd', detail: 'too_odd happened' },
  ])
  fault.error = new TypeError('secret detail')
  const unforeseen = await post()
  expect([unforeseen.status, unforeseen.headers.get('retry-after')]).toEqual([503, '1'])
  expect(told.at(-1)).toMatchObject({ code: 'unavailable', retryAfter: 1 })
  expect(told.at(-1)?.detail).not.toContain('secret')
  expect(lines.at(-1)).toMatchObject({ level: 50, msg: 'unforeseen fault' })

  const broken = await appWith(
    group({
      refuse: () => {
        throw new Error('broken')
      },
    }),
  )
  expect((await problemOf(await broken.app.request('/v1/x', { method: 'POST' }))).code).toBe('key_missing')
})

test('errors of other rooms are answered by their own table, with what they know', async () => {
  const problems = {
    too_odd: { status: 409, title: 'Odd' },
    later: { status: 429, title: 'Later' },
  } as const
  const fault = { error: new RoomError('too_odd', { index: 7 }) }
  const onLog: LogRoute['onLog'] = () => {
    throw fault.error
  }
  const { app } = await appWith(
    group({ onLog, doc: { ...DOC, problems: ['too_odd', 'later'] } }, { problems }),
  )
  const post = () => app.request('/v1/x', { method: 'POST', headers: ALL })
  expect(await problemOf(await post())).toMatchObject({
    status: 409,
    code: 'too_odd',
    body: { title: 'Odd', index: 7, type: '/docs#too_odd' },
  })
  fault.error = new RoomError('later', { retry_after: 9 })
  expect((await post()).headers.get('retry-after')).toBe('9')
  // A code that only looks like one of ours is none.
  fault.error = new RoomError('key_missing')
  expect(await problemOf(await post())).toMatchObject({ status: 503, code: 'unavailable' })
  const openapi = JSON.stringify(await (await app.request('/openapi.json')).json())
  expect(openapi).toContain('too_odd')
  expect(await (await app.request('/docs')).text()).toContain('<tr id="later">')
})

test('who is too fast is told when to come back, and nobody else is', async () => {
  const now = { ms: 0 }
  const limits = createRateLimiter({ append: 10, read: 2, burst: 1 }, () => now.ms)
  let stored = 0
  let bodies = 0
  const onLog: LogRoute['onLog'] = async (c) => {
    const count = Number(await c.req.text())
    bodies++
    chargeEvents(c, count)
    stored += count
    return new Response('stored')
  }
  const { app } = await appWith(group({ onLog }), { limits })
  const post = (count: number, key = 'all') =>
    app.request('/v1/x', { method: 'POST', headers: { 'x-api-key': key }, body: String(count) })
  expect((await post(10)).status).toBe(200)
  const refused = await post(1)
  expect(bodies, 'the body of who is too fast is not even read').toBe(1)
  expect(await problemOf(refused)).toMatchObject({
    status: 429,
    code: 'rate_limited',
    body: { limit: 'append' },
  })
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(refused.headers.get('ratelimit')).toBe('"append";r=0;t=1')
  expect(refused.headers.get('ratelimit-policy')).toBe('"append";q=10;w=1')
  expect((await post(1, 'events:append')).status, 'another principal').toBe(200)
  expect(stored).toBe(11)
  now.ms += 100
  expect((await post(500)).status, 'a batch is never too large for ever').toBe(200)
  expect((await problemOf(await post(1))).body['retry_after']).toBe(50)

  const read = () => app.request('/logs/private/entries', { headers: ALL })
  expect([(await read()).status, (await read()).status, (await read()).status]).toEqual([200, 200, 429])
  expect((await app.request('/logs/private/checkpoint')).status, "what is public is nobody's").toBe(200)
  expect((await app.request('/logs/private/sth')).headers.get('ratelimit')).toBeNull()
})

test('parallel requests do not get past the limit together', async () => {
  const limits = createRateLimiter({ append: 10, read: 0, burst: 1 }, () => 0)
  const { app } = await testApp({ limits })
  const add = async (): Promise<Response> =>
    app.request('/logs/private/add', { method: 'POST', headers: ALL, body: 'x' })
  const answers = await Promise.all(Array.from({ length: 50 }, add))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
})

test('reads leave appends their share', async () => {
  const limits = createRateLimiter({ append: 0, read: 0, reads: 2 })
  const open: (() => void)[] = []
  const slow: LogRoute['onLog'] = () =>
    new Promise((resolve) => open.push(() => resolve(new Response('read'))))
  const reading = { method: 'GET', path: '/logs/:log/slow', onLog: slow } as const
  const { app } = await appWith(group(reading, { access: { 'GET /logs/:log/slow': 'search:read' } }), {
    limits,
  })
  const read = async (): Promise<Response> => app.request('/logs/private/slow', { headers: ALL })
  const first = [read(), read()]
  await expect.poll(() => open.length).toBe(2)
  expect(await problemOf(await read())).toMatchObject({ status: 503, code: 'reads_busy' })
  const add = await app.request('/logs/private/add', { method: 'POST', headers: ALL, body: 'x' })
  expect(add.status).toBe(200)
  for (const end of open) end()
  expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200])
  const again = read()
  await expect.poll(() => open.length).toBe(3)
  open[2]?.()
  expect((await again).status).toBe(200)
})

test('nobody creates the log of the service itself, nor continues it', async () => {
  const { app } = await appWith(group())
  for (const body of [{ name: '_meta' }, { name: 'next', successor_of: '_meta' }]) {
    const answer = await app.request('/logs', {
      method: 'POST',
      headers: { ...ALL, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(await problemOf(answer)).toMatchObject({ status: 403, code: 'log_reserved' })
  }
  for (const name of ['_other', '_meta_', '_', '__meta'])
    expect((await app.request(`/logs/${name}`)).status).toBe(404)
  expect((await app.request('/logs/_meta/checkpoint')).status, 'provable like any other').toBe(200)
  const read = (key: string) => app.request('/logs/_meta/entries', { headers: { 'x-api-key': key } })
  expect((await read('entries:read')).status).toBe(403)
  expect((await read('meta:read')).status).toBe(200)
})

test('a key that may make keys makes none that may do more, and is remembered as their maker', async () => {
  const { app } = await testApp()
  const create = (key: string, body: object) =>
    app.request('/keys', {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'k', ...body }),
    })
  expect(await problemOf(await create('keys:write', { role: 'producer' }))).toMatchObject({
    status: 403,
    code: 'grant_not_held',
  })
  const made = await create('all', { role: 'producer', source: 'web', rate_append: 100 })
  expect(await made.json()).toMatchObject({
    scopes: ['events:append'],
    source: 'web',
    created_by: 'all',
    rate_append: 100,
    rate_read: null,
  })
  for (const body of [
    { role: 'root' },
    { role: 'dpo', scopes: ['entries:read'] },
    { role: 'dpo', source: '' },
  ])
    expect((await create('all', body)).status).toBe(400)
  expect((await create('logs:admin', { scopes: ['logs:admin'] })).status).toBe(403)
})

test('OPTIONS of a route is its own where it has one, and CORS elsewhere', async () => {
  const routes: RouteGroup = {
    routes: [
      {
        method: 'OPTIONS',
        path: '/v1/x',
        doc: DOC,
        handle: () => new Response(null, { headers: { x: 'own' } }),
      },
    ],
    access: { 'OPTIONS /v1/x': 'public' },
  }
  const { app } = await appWith(routes)
  expect((await app.request('/v1/x', { method: 'OPTIONS' })).headers.get('x')).toBe('own')
  const cors = await app.request('/logs/private/add', { method: 'OPTIONS' })
  expect(cors.headers.get('access-control-allow-headers')).toContain('X-API-Key')
})

test('handlers are told who asks', async () => {
  const seen: (Principal | undefined)[] = []
  const onLog: LogRoute['onLog'] = (_c, _log, who) => {
    seen.push(who)
    return new Response('ok')
  }
  const { app } = await appWith(group({ onLog }))
  await app.request('/v1/x', { method: 'POST', headers: ALL })
  expect(seen[0]).toMatchObject({ kind: 'key', id: 'all', source: 'all', createdBy: null })
})
