// The journal where it really is: in log `_meta` of a real engine, behind the real routes.
import { join } from 'node:path'
import type { Hono } from 'hono'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseEnvelope } from '../../../src/audit/event/envelope.ts'
import { viewOf } from '../../../src/audit/event/view.ts'
import { createMetaJournal, type MetaJournal } from '../../../src/audit/meta/journal.ts'
import { ensureMetaLog, META_PRIVACY } from '../../../src/audit/meta/meta-log.ts'
import { createRecorder } from '../../../src/audit/record/recorder.ts'
import { createSealer } from '../../../src/audit/record/sealer.ts'
import { putSidecars } from '../../../src/audit/vault/sidecars.ts'
import { createVault, type OpenVault } from '../../../src/audit/vault/vault.ts'
import { hashLeaf } from '../../../src/core/hash.ts'
import { connect, type Database } from '../../../src/db/connect.ts'
import { createApp } from '../../../src/http/app.ts'
import { createMetrics } from '../../../src/http/metrics.ts'
import type { Log } from '../../../src/log/types.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { type TestEngine, testEngine, testFolder } from '../../support/engine.ts'
import { fakeKeys } from '../../support/http-app.ts'

let database: TestDatabase
let db: Database
let vault: OpenVault
let engine: TestEngine
let journal: MetaJournal
let app: Hono
let meta: Log
const { folder, remove } = testFolder()

beforeAll(async () => {
  database = await testDatabase()
  db = connect({ url: database.url, max: 4 })
  engine = testEngine(database.url, { folder, putSidecars })
  vault = await createVault({ db, keyFile: join(folder, 'vault.key') })
  const recorder = createRecorder(createSealer({ vault, policyOf: () => META_PRIVACY, clock: Date.now }))
  const logs = engine.engine
  await ensureMetaLog(logs)
  meta = await logs.open('_meta')
  journal = createMetaJournal({ logs, recorder, report: () => {} })
  app = createApp({
    logs,
    keys: fakeKeys(),
    journal,
    metrics: createMetrics(),
    logger: pino({ level: 'silent' }),
    stopping: new AbortController().signal,
    listing: { contact: 'x', qpd: 1 },
    version: '1.2.3',
    database: { ping: async () => {} },
  })
})
afterAll(async () => {
  await journal.stop()
  await vault.close()
  await engine.stop()
  await db.close()
  await database.drop()
  remove()
})

const as = (key: string, path: string, init: RequestInit = {}): Promise<Response> =>
  Promise.resolve(
    app.request(path, { ...init, headers: { 'x-api-key': key, 'content-type': 'application/json' } }),
  )

/** Everything in `_meta`, as somebody sees it who may see personal fields or may not. */
async function events(reveal: boolean): Promise<Record<string, unknown>[]> {
  await engine.publish()
  const entries = await meta.entries(0, 1000)
  const where = entries.map((entry, index) => ({ index, leafHash: hashLeaf(entry) }))
  const opened = reveal ? await vault.open(meta.info.id, where) : []
  return entries.map((entry, i) => {
    const { source, event } = viewOf(parseEnvelope(entry), opened[i] ?? [])
    return { ...event, source }
  })
}

test('who changed, read or was refused what is in the log, proved like any other entry, its persons hidden', async () => {
  expect((await as('all', '/logs', { method: 'POST', body: '{"name":"a"}' })).status).toBe(201)
  expect(await events(false), 'before it was answered').toHaveLength(2)
  await as('all', '/logs/a/add', { method: 'POST', body: 'x' })
  await engine.publish()
  await as('entries:read', '/logs/a/entries?start=0&limit=1')
  await as('entries:read', '/logs/a/entries?a=1&a.b=2&__proto__=3&ref=4')
  for (let i = 0; i < 3; i++) await as('entries:append', '/logs/a/entries')
  await journal.flush()

  const seen = await events(false)
  expect(
    seen.map(({ action, outcome, actor, source, extra }) => ({ action, outcome, actor, source, extra })),
  ).toMatchObject([
    { action: 'prooflog.admin', outcome: 'unknown', actor: { id: 'all' } },
    { action: 'prooflog.admin', outcome: 'success', source: 'prooflog', extra: { count: 1 } },
    { action: 'prooflog.read', actor: { id: 'entries:read' }, extra: { count: 1 } },
    { action: 'prooflog.read', outcome: 'failure', extra: { count: 1, code: 'invalid_parameter' } },
    {
      action: 'prooflog.denied',
      actor: { id: 'entries:append' },
      extra: { count: 3, code: 'insufficient_scope' },
    },
  ])
  expect(JSON.stringify(seen)).not.toContain('"limit"')
  expect((await events(true))[2]).toMatchObject({ params: { asked: [{ start: '0', limit: '1' }] } })
  expect(Buffer.from(await meta.proofFile(3)).toString()).toContain('index 3')
})

test('it is read with its own scope, and reading it is written down and makes it no longer by itself', async () => {
  const before = (await events(false)).length
  expect((await as('entries:read', '/logs/_meta/entries')).status).toBe(403)
  expect((await as('meta:read', '/logs/_meta/entries')).status).toBe(200)
  for (let i = 0; i < 5; i++) {
    await journal.flush()
    await events(false)
  }
  const after = await events(false)
  expect(after.slice(before).map(({ action }) => action)).toEqual(['prooflog.denied', 'prooflog.read'])
})

test('nobody writes to it but the service', async () => {
  const before = (await events(false)).length
  const tried = ['add', 'entries', 'keys', 'state'].map((path) =>
    as('all', `/logs/_meta/${path}`, { method: 'POST', body: '{}' }),
  )
  expect((await Promise.all(tried)).map(({ status }) => status)).toEqual([403, 403, 403, 403])
  await journal.flush()
  const added = (await events(false)).slice(before)
  expect(added.every(({ action }) => action === 'prooflog.denied')).toBe(true)
  expect(added).toHaveLength(4)
})
