// What of the requests is written to the journal, and what happens when it cannot be.
import { expect, test } from 'vitest'
import { ProoflogError } from '../../src/core/errors.ts'
import type { RouteGroup } from '../../src/http/app.ts'
import type { Access, Journal } from '../../src/http/journal.ts'
import { ALL, problemOf, type TestApp, testApp } from '../support/http-app.ts'

class JournalDown extends ProoflogError {
  readonly code = 'journal_unavailable'
}

interface Written {
  how: 'note' | 'record'
  access: Access
}

async function journalled(
  more: readonly RouteGroup[] = [],
): Promise<TestApp & { written: Written[]; state: { down: boolean } }> {
  const written: Written[] = []
  const state = { down: false }
  const journal: Journal = {
    note: (access) => void written.push({ how: 'note', access }),
    async record(access) {
      if (state.down) throw new JournalDown('it cannot be recorded now')
      written.push({ how: 'record', access })
    },
  }
  const problems = { journal_unavailable: { status: 503, title: 'No journal' } } as const
  const t = await testApp({ journal, more: [{ routes: [], access: {}, problems }, ...more] })
  return { ...t, written, state }
}

const post = (value: object): RequestInit => ({
  method: 'POST',
  headers: { ...ALL, 'content-type': 'application/json' },
  body: JSON.stringify(value),
})

test('reads are noted with what was asked for; what everybody may see, and appends, are not', async () => {
  const { app, written } = await journalled()
  await app.request('/logs/private/entries?start=3&limit=2', { headers: ALL })
  expect(written).toEqual([
    {
      how: 'note',
      access: {
        action: 'read',
        route: 'GET /logs/:log/entries',
        log: 'private',
        principal: expect.objectContaining({ id: 'all' }),
        status: 200,
        code: undefined,
        ip: undefined,
        detail: { start: '3', limit: '2' },
      },
    },
  ])
  await app.request('/logs/private/entries/7', { headers: ALL })
  expect(written[1]?.access.detail).toEqual({ index: '7' })
  await app.request('/logs/open/entries', { headers: ALL })
  await app.request('/logs/private/checkpoint')
  await app.request('/readyz')
  await app.request('/logs/private/add', { method: 'POST', headers: ALL, body: 'x' })
  expect(written).toHaveLength(2)
})

test('whoever is denied is noted, whatever he asked for, and however he was known', async () => {
  const { app, written } = await journalled()
  await app.request('/logs/private/entries')
  await app.request('/logs/private/add', { method: 'POST', headers: { 'x-api-key': 'wrong' } })
  await app.request('/logs/private/entries', { headers: { 'x-api-key': 'entries:append' } })
  await app.request('/logs/NO NAME/add', { method: 'POST' })
  expect(
    written.map(({ how, access: { action, log, principal, status, code } }) => [
      how,
      action,
      log,
      principal?.id,
      status,
      code,
    ]),
  ).toEqual([
    ['note', 'denied', 'private', undefined, 401, 'key_missing'],
    ['note', 'denied', 'private', undefined, 401, 'key_unknown'],
    ['note', 'denied', 'private', 'entries:append', 403, 'insufficient_scope'],
  ])
  await app.request('/logs/private/entries/9999', { headers: ALL })
  expect(written.at(-1)).toMatchObject({
    how: 'note',
    access: { action: 'read', status: 404, code: 'index_out_of_range' },
  })
})

test('a change is recorded before it is made, and what came of it before it is answered, never with a secret', async () => {
  const { app, written } = await journalled()
  await app.request('/keys', post({ name: 'ci', scopes: ['entries:read'], logs: ['open'] }))
  await app.request('/logs/private/state', post({ state: 'draining' }))
  await app.request('/logs', post({ name: 'new' }))
  await app.request('/keys/key0', { method: 'DELETE', headers: ALL })
  expect(written.every(({ how, access: { action } }) => how === 'record' && action === 'admin')).toBe(true)
  expect(written.map(({ access: { route, status, detail } }) => [route, status, detail])).toEqual([
    [
      'POST /keys',
      undefined,
      { name: 'ci', role: undefined, scopes: ['entries:read'], logs: ['open'], source: null },
    ],
    [
      'POST /keys',
      201,
      { id: 'key0', name: 'ci', role: undefined, scopes: ['entries:read'], logs: ['open'], source: 'ci' },
    ],
    ['POST /logs/:log/state', undefined, { state: 'draining' }],
    ['POST /logs/:log/state', 200, { state: 'draining' }],
    ['POST /logs', undefined, { name: 'new', public: false }],
    ['POST /logs', 201, { name: 'new', public: false }],
    ['DELETE /keys/:id', undefined, { id: 'key0' }],
    ['DELETE /keys/:id', 200, { id: 'key0' }],
  ])
  expect(JSON.stringify(written)).not.toContain('plog_secret')
})

test('what cannot be recorded is not done', async () => {
  const { app, deps, logs, state } = await journalled()
  const { info } = await deps.keys.create({ name: 'old', scopes: ['entries:read'] })
  const before = await deps.keys.list()
  state.down = true
  for (const [path, init] of [
    ['/keys', post({ name: 'ci', scopes: ['entries:read'] })],
    [`/keys/${info.id}`, { method: 'DELETE', headers: ALL }],
    ['/logs', post({ name: 'new' })],
    ['/logs/private/state', post({ state: 'draining' })],
  ] as const) {
    const answer = await app.request(path, init)
    expect(answer.headers.get('retry-after'), path).toBe('1')
    expect(await problemOf(answer), path).toMatchObject({ status: 503, code: 'journal_unavailable' })
  }
  expect(await deps.keys.list()).toEqual(before)
  expect([...logs.byName.keys()]).toEqual(['private', 'open'])
  expect(logs.byName.get('private')?.info.state).toBe('open')
  expect((await app.request('/logs/private/entries', { headers: ALL })).status, 'notes wait').toBe(200)
})

test('what was done is answered although its end cannot be recorded now: that is noted, and written later', async () => {
  const { app, deps, written, state } = await journalled()
  const keys = { ...deps.keys }
  deps.keys.create = (request) => {
    state.down = true
    return keys.create(request)
  }
  const answer = await app.request('/keys', post({ name: 'ci', scopes: ['entries:read'] }))
  expect(answer.status).toBe(201)
  expect(await answer.json()).toMatchObject({ id: 'key0', key: 'plog_secret' })
  expect(written).toMatchObject([
    { how: 'record', access: { action: 'admin', status: undefined } },
    { how: 'note', access: { action: 'admin', status: 201, detail: { id: 'key0' } } },
  ])
})

test('a route says for each request how it is written down, and as what', async () => {
  const reveals: RouteGroup = {
    routes: [
      {
        method: 'GET',
        path: '/logs/:log/x',
        doc: { tag: 'x', summary: 'x', answers: {} },
        onLog: () => new Response('x'),
        journal: (c) => (c.req.query('reveal') === 'true' ? { how: 'record', action: 'reveal' } : 'note'),
      },
    ],
    access: { 'GET /logs/:log/x': 'search:read' },
  }
  const { app, written } = await journalled([reveals])
  await app.request('/logs/private/x?text=a&text=b', { headers: ALL })
  await app.request('/logs/private/x?reveal=true', { headers: ALL })
  expect(written).toMatchObject([
    { how: 'note', access: { action: 'search', detail: { text: ['a', 'b'] } } },
    { how: 'record', access: { action: 'reveal', detail: { reveal: 'true' } } },
  ])
})
