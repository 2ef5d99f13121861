// The database goes away under a running service: every route that needs it says so in its sender's words, soon, and works again
// afterwards; what was acknowledged is there, once.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditAccess } from '../../../src/audit/http/access.ts'
import { ALIASES, type Door, DOORS, refusalOf } from './doors.ts'
import { type Ask, type HttpGround, httpGround, readLog, treeSize } from './ground.ts'

const NOW = '2026-11-25T10:00:00Z'
const LOG = '/logs/default'
/** A request that cannot be served says so within this time; milliseconds. */
const SOON = 6_000
let ground: HttpGround
let made = 0
let newKey: string
let believed: string

beforeAll(async () => {
  ground = await httpGround()
  await post(DOORS[0]!.request([{ id: newId(), time: NOW }]))
  await ground.indexed('default', 1)
})
afterAll(() => ground.close())

const newId = (): string => `id-${++made}`
const json = (body: object): Ask => ({ type: 'application/json', body: JSON.stringify(body) })

async function post(sent: Ask): Promise<void> {
  expect((await ground.ask(`${LOG}/events?wait=published`, { method: 'POST', ...sent })).status).toBe(200)
}

/** A request of a row, unlike any before. */
function requestOf(row: string): { path: string; init: Ask } {
  const [method = '', pattern = ''] = row.split(' ')
  const path = pattern.replace(':log', 'default')
  const door = [...DOORS, ...ALIASES].find((one) => path.endsWith(one.path))
  if (method === 'POST' && (door !== undefined || path === `${LOG}/events`)) {
    const { headers = {}, ...sent } = (door ?? DOORS[0]!).request([{ id: newId(), time: NOW }])
    return { path, init: { method, headers, ...sent } }
  }
  const [, more = {}, asked = path] = OTHERS[row] ?? []
  return { path: asked, init: { method, ...more } }
}

/** Of rows that are no way in: whether the database is needed, and a request that succeeds. */
const OTHERS: Record<string, readonly [needed: boolean, init?: Ask, path?: string]> = {
  'GET /logs/:log/events': [true],
  'GET /logs/:log/events/:index': [true, {}, `${LOG}/events/0`],
  'GET /logs/:log/events/:index/bundle': [true, {}, `${LOG}/events/0/bundle?disclose=all`],
  'GET /logs/:log/timeline': [true, {}, `${LOG}/timeline?session=s`],
  'GET /logs/:log/search': [true],
  'POST /logs/:log/search/rebuild': [true],
  'POST /logs/:log/exports': [true, json({ format: 'ndjson' })],
  'POST /logs/:log/erasures': [true, json({ subject: 'alice', basis: 'x' })],
  'GET /logs/:log/erasures': [true],
  'GET /logs/:log/erasures/:id': [true, {}, `${LOG}/erasures/${'0'.repeat(32)}`],
  'POST /logs/:log/erasures/:id/approve': [true, {}, `${LOG}/erasures/${'0'.repeat(32)}/approve`],
  'POST /logs/:log/erasures/:id/reject': [true, {}, `${LOG}/erasures/${'0'.repeat(32)}/reject`],
  'GET /logs/:log/holds': [true],
  'POST /logs/:log/holds': [true, json({ reason: 'case' })],
  'DELETE /logs/:log/holds/:id': [true, {}, `${LOG}/holds/x`],
  // Answered from memory, for as long as the key is believed.
  'POST /services/collector/ack': [false, { ...json({ acks: [0] }), headers: channel() }],
  'POST /logs/:log/services/collector/ack': [false, { ...json({ acks: [0] }), headers: channel() }],
  'OPTIONS /v1/cloudevents': [false, { headers: { 'webhook-request-origin': 'events.example' } }],
  'OPTIONS /logs/:log/v1/cloudevents': [false, { headers: { 'webhook-request-origin': 'events.example' } }],
  'GET /services/collector/health': [false],
  'GET /services/collector/health/1.0': [false],
  'GET /logs/:log/services/collector/health': [false],
  'GET /logs/:log/services/collector/health/1.0': [false],
  'GET /schemas/event.json': [false],
}

function channel(): Record<string, string> {
  return { 'x-splunk-request-channel': '6b0b1a02-9a3c-4b9e-8f06-8a5f2d7a1c11' }
}

const ROWS = Object.keys(auditAccess(true))
const isDoor = (row: string): boolean => !Object.hasOwn(OTHERS, row)
const needing = (row: string): boolean => OTHERS[row]?.[0] ?? true

test('every row of the table is known here', () => {
  const doors = ROWS.filter(isDoor)
  for (const row of doors) expect(requestOf(row).init.body, row).toBeDefined()
  expect(Object.keys(OTHERS).filter((row) => !ROWS.includes(row))).toEqual([])
})

describe('while the database is away', () => {
  beforeAll(async () => {
    await warm()
    newKey = (await ground.key({ name: 'never used', scopes: ['events:append'] })).key
    believed = (await ground.key({ name: 'used a moment ago', scopes: ['events:append'] })).key
    const { path, init } = requestOf('POST /services/collector/ack')
    await ground.ask(path, { ...init, key: believed })
    await ground.proxy.down()
  })
  afterAll(async () => {
    await ground.proxy.up()
    await ground.ready()
  })

  // First: a key is believed for some seconds only.
  test.each(ROWS.filter((row) => !needing(row)))('%s: as ever', async (row) => {
    const { path, init } = requestOf(row)
    expect((await ground.ask(path, { ...init, key: believed })).status).toBe(200)
  })

  test.each(ROWS.filter(needing))('%s: 503 and when to try again, soon', async (row) => {
    const { path, init } = requestOf(row)
    const began = performance.now()
    const response = await ground.ask(path, init)
    expect(performance.now() - began).toBeLessThan(SOON)
    expect([response.status, response.headers.get('retry-after')]).toEqual([
      503,
      expect.stringMatching(/^[1-9]\d*$/),
    ])
    const door = [...DOORS, ...ALIASES].find(
      (one) => path.endsWith(one.path) && init.type === one.request([{ id: 'x', time: NOW }]).type,
    )
    await refusalOf(isDoor(row) && door !== undefined ? door : DOORS[0]!, response)
  })

  test.each([...DOORS, ...ALIASES])(
    '$name: a key that nobody remembers is not called wrong',
    async (door) => {
      const { headers = {}, ...sent } = door.request([{ id: newId(), time: NOW }])
      const response = await ground.ask(door.path, { method: 'POST', key: newKey, headers, ...sent })
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
      await refusalOf(door, response)
    },
  )
})

/** Every kind of request once: what is cached, is. */
async function warm(): Promise<void> {
  for (const row of ROWS) {
    const { path, init } = requestOf(row)
    const { status } = await ground.ask(path, init)
    expect([row, status]).toEqual([
      row,
      row.includes('/:id') ? 404 : row.startsWith('POST') && MAKES.includes(row) ? 201 : 200,
    ])
  }
}
const MAKES = ['POST /logs/:log/erasures', 'POST /logs/:log/holds']

test('afterwards every route works as before', async () => {
  const holds = (await (await ground.ask(`${LOG}/holds`)).json()) as { holds: { id: string }[] }
  expect(holds.holds).toHaveLength(1)
  const answers: Record<string, number> = {}
  const wanted: Record<string, number> = {}
  for (const row of ROWS) {
    const { path, init } = requestOf(row)
    answers[row] = (await ground.ask(path, init)).status
    // The erasure that was asked for before the outage is still open, and so is the hold: which is answered to who asks again.
    wanted[row] = row.includes('/:id') ? 404 : row === MAKES[0] ? 409 : 200
  }
  expect(answers).toEqual(wanted)
})

test('senders that try again lose nothing, have nothing twice, and find it in their order', async () => {
  await ground.log('senders')
  const over = new AbortController()
  const sources = DOORS.map((door) => ({ door, source: door.name.replaceAll(/[^a-z0-9]+/gi, '-') }))
  const keys = new Map<string, string>()
  for (const { source } of sources)
    keys.set(source, (await ground.key({ name: source, scopes: ['events:append'] })).key)
  const sending = sources.map(({ door, source }) => sendUntil(over.signal, door, keys.get(source)!))
  for (let outage = 0; outage < 3; outage++) {
    await sleep(300)
    await ground.proxy.down()
    await sleep(500)
    await ground.proxy.up()
  }
  await ground.ready()
  over.abort()
  const acknowledged = await Promise.all(sending)
  const inLog = await readLog(ground, 'senders', 0, await treeSize(ground, 'senders'))
  const found = sources.map(({ source }) => inLog.filter((one) => one.source === source).map(({ id }) => id))
  expect(found).toEqual(acknowledged)
  expect(inLog.length).toBeGreaterThan(2 * DOORS.length)
})

/** One request after the other, each until it is acknowledged. @returns the ids that events have in the log, in order */
async function sendUntil(over: AbortSignal, door: Door, key: string): Promise<string[]> {
  const ids: string[] = []
  const path = `/logs/senders${door.path === '/v1/events' ? '/events' : door.path}`
  while (!over.aborted) {
    const records = Array.from({ length: door.many ? 3 : 1 }, () => ({ id: newId(), time: NOW }))
    const { headers = {}, ...request } = door.request(records)
    for (;;) {
      const response = await ground.ask(path, { method: 'POST', key, headers, ...request })
      if (response.status === 200) break
      expect([door.name, response.status]).toEqual([door.name, 503])
      await refusalOf(door, response)
      await sleep(50)
    }
    ids.push(...records.map(({ id }) => door.idOf(id)))
  }
  return ids
}

test('an export that the database leaves breaks off: it does not look complete, and has no end in the log', async () => {
  await ground.log('large')
  const message = 'x'.repeat(30_000)
  for (let batch = 0; batch < 4; batch++) {
    const events = Array.from({ length: 300 }, (_, i) => ({
      id: `${batch}-${i}`,
      time: NOW,
      action: 'x',
      message,
    }))
    await ground.ask('/logs/large/events?wait=published&receipts=count', { method: 'POST', ...json(events) })
  }
  await ground.indexed('large', 1_200)
  const response = await ground.ask('/logs/large/exports', {
    method: 'POST',
    ...json({ format: 'csv', reveal: true }),
  })
  expect(response.status).toBe(200)
  const reader = response.body!.getReader()
  await reader.read()
  await ground.proxy.down()
  const reading = (async () => {
    for (;;) if ((await reader.read()).done) return
  })()
  await expect(reading).rejects.toThrow('terminated')
  await ground.proxy.up()
  await ground.ready()
  expect(await treeSize(ground, 'large')).toBe(1_201)
})

test('nothing of all this was a fault that nobody foresaw', () => {
  expect(ground.faults).toEqual([])
})
