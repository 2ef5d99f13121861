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

test('a change is recorded with what it was before it is answered, and never with a secret', async () => {
  const { app, written } = await journalled()
  await app.request('/keys', post({ name: 'ci', scopes: ['entries:read'], logs: ['open'] }))
  await app.request('/logs/private/state', post({ state: 'draining' }))
  await app.request('/logs', post({ name: 'new' }))
  await app.request('/keys/key0', { method: 'DELETE', headers: ALL })
  expect(written.map(({ how, access: { action, route, detail } }) => [how, action, route, detail])).toEqual([
    [
      'record',
      'admin',
      'POST /keys',
      { id: 'key0', name: 'ci', scopes: ['entries:read'], logs: ['open'], source: 'ci' },
    ],
    ['record', 'admin', 'POST /logs/:log/state', { state: 'draining' }],
    ['record', 'admin', 'POST /logs', { name: 'new', public: false }],
    ['record', 'admin', 'DELETE /keys/:id', { id: 'key0' }],
  ])
  expect(JSON.stringify(written)).not.toContain('plog_secret')
})

test('what must be recorded and cannot be is not answered', async () => {
  const { app, state } = await journalled()
  state.down = true
  const answer = await app.request('/keys', post({ name: 'ci', scopes: ['entries:read'] }))
  expect(answer.headers.get('retry-after')).toBe('1')
  const text = await answer.clone().text()
  expect(text).not.toContain('plog_secret')
  expect(await problemOf(answer)).toMatchObject({ status: 503, code: 'journal_unavailable' })
  expect((await app.request('/logs/private/entries', { headers: ALL })).status, 'notes wait').toBe(200)
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
