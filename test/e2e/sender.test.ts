// The SDK against the real service: through an outage of its database, with a middleware, to a proof of one of its events.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hono } from 'hono'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { readConfig } from '../../src/config.ts'
import { auditHono, createSender, type EventReceipt, type Problem } from '../../src/sender/index.ts'
import { type Service, serve } from '../../src/serve.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { type PostgresProxy, proxyTo } from '../support/proxy.ts'

let database: TestDatabase
let proxy: PostgresProxy
let folder: string
let service: Service
let url: string
let key: string

beforeAll(async () => {
  database = await testDatabase('empty')
  proxy = await proxyTo(database.ownerUrl)
  folder = await mkdtemp(join(tmpdir(), 'prooflog-sender-'))
  const data = join(folder, 'data')
  const env = { DATABASE_URL: proxy.url, PROOFLOG_DATA: data, PROOFLOG_PUBLISH_MS: '50', PORT: '0' }
  service = await serve(readConfig(env), pino({ level: 'silent' }))
  url = `${service.url}/logs/default`
  key = (await readFile(join(data, 'admin.key'), 'utf8')).trim()
})
afterAll(async () => {
  await service.stop()
  await proxy.down()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

function open(spool: string, receipts: Map<string, EventReceipt>, problems: Problem[]) {
  return createSender({
    url,
    key,
    spool: join(folder, spool),
    whenFull: 'refuse',
    flushInterval: 20,
    batch: 200,
    onReceipt: (id, receipt) => receipts.set(id, receipt),
    onProblem: (problem) => problems.push(problem),
  })
}

test('events recorded before, during and after an outage of the database are in the log once, in order, and can be proved', async () => {
  const receipts = new Map<string, EventReceipt>()
  const problems: Problem[] = []
  const sender = await open('outage', receipts, problems)
  const record = async (from: number, to: number): Promise<void> => {
    const numbers = Array.from({ length: to - from }, (_, i) => from + i)
    await Promise.all(
      numbers.map((n) =>
        sender.audit({ id: `n${n}`, action: 'test.count', outcome: 'success', actor: { id: `u${n % 7}` } }),
      ),
    )
  }
  await record(0, 1_000)
  await proxy.down()
  await record(1_000, 2_000)
  await sleep(2_000)
  expect(sender.status().waiting).toBeGreaterThan(0)
  await proxy.up()
  await record(2_000, 3_000)
  await sender.deliver()

  expect([...receipts.keys()]).toEqual(Array.from({ length: 3_000 }, (_, n) => `n${n}`))
  const indexes = [...receipts.values()].map(({ index }) => index)
  expect(indexes).toEqual(indexes.toSorted((a, b) => a - b))
  expect(new Set(indexes).size).toBe(3_000)
  expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(['unavailable']))
  await sender.close()

  const { vkeys } = (await (await fetch(url)).json()) as { vkeys: string[] }
  const client = createClient({ url, key, vkeys })
  const { index, leafHash } = receipts.get('n1500')!
  const head = await client.wait(indexes.at(-1)!)
  expect(head.checkpoint.size).toBeGreaterThanOrEqual(3_000)
  const { proof } = await client.prove(index)
  expect(proof.index).toBe(index)
  expect(await client.indexOf(leafHash)).toBe(index)
})

test('a spool that is delivered a second time gives the same indexes', async () => {
  const receipts = new Map<string, EventReceipt>()
  const sender = await open('again', receipts, [])
  const event = {
    id: 'again',
    time: '2026-01-31T12:00:00Z',
    action: 'test.again',
    outcome: 'success',
  } as const
  await sender.audit(event)
  await sender.deliver()
  const first = receipts.get('again')
  await sender.audit(event)
  await sender.deliver()
  expect(first).toMatchObject({ duplicate: false })
  expect(receipts.get('again')).toMatchObject({ index: first?.index, duplicate: true })
  await sender.close()
})

test('what a middleware records is an event to the log, and one that the log cannot read is reported', async () => {
  const receipts = new Map<string, EventReceipt>()
  const problems: Problem[] = []
  const sender = await open('web', receipts, problems)
  const app = new Hono()
  app.use(auditHono(sender, { actor: () => ({ id: 'u1', session: 's1' }) }))
  app.get('/documents/:id', (c) => c.text('here'))
  const answer = await app.request('/documents/7?verbose=1', { headers: { 'user-agent': 'test' } })
  expect(answer.status).toBe(200)
  await sender.deliver()
  expect(problems).toEqual([])
  expect(receipts.size).toBe(1)
  await sender.audit({ id: 'long', action: 'test.long', outcome: 'success', actor: { id: 'x'.repeat(600) } })
  await sender.deliver()
  expect(problems).toMatchObject([{ code: 'quarantined', evidence: { id: 'long' } }])
  await sender.close()
})
