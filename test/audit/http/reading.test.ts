// What readers are answered: search, timelines, single events and their proofs, exports, erasures and holds.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { auditAccess } from '../../../src/audit/http/access.ts'
import { AUDIT_PROBLEMS } from '../../../src/audit/http/problems.ts'
import { erasure, hold } from '../../../src/audit/http/schemas.ts'
import { verifyEventBundle } from '../../../src/core/event-bundle.ts'
import { parsePolicy } from '../../../src/core/policy.ts'
import { PROBLEMS } from '../../../src/http/problem.ts'
import { type Ask, type HttpGround, httpGround, PATIENCE, type SeenEvent, treeSize } from './ground.ts'

const LOG = '/logs/default'
let ground: HttpGround
const keys: Record<string, string> = {}

const EVENTS = [
  { action: 'user.login', outcome: 'success', src: { ip: '192.0.2.7' }, auth: { session_id: 's-1' } },
  {
    action: 'document.read',
    targets: [{ type: 'document', id: 'd-7' }],
    auth: { session_id: 's-1' },
    trace_id: 't-1',
  },
  { action: 'document.delete', outcome: 'failure', severity: 17, message: 'croquet with flamingos' },
].map((one, i) => ({
  id: `e${i}`,
  time: `2026-11-25T10:00:0${i}Z`,
  observed_time: `2026-11-25T10:00:0${i}.5Z`,
  actor: { id: 'alice@example.com', type: 'user', name: 'Alice Liddell' },
  ...one,
}))

beforeAll(async () => {
  ground = await httpGround()
  for (const role of ['producer', 'analyst', 'auditor', 'dpo', 'admin'])
    keys[role] = (await ground.key({ name: role, role })).key
  await send(LOG, EVENTS.slice(0, 2))
  // Another source, in the same session.
  const other = await ground.key({ name: 'other', role: 'producer' })
  await send(LOG, [EVENTS[2], { ...EVENTS[0], id: 'e3', action: 'user.logout' }], other.key)
  await ground.ask(`${LOG}/add`, { method: 'POST', body: 'no event' })
  await ground.indexed('default', 5)
})
afterAll(() => ground.close())

async function send(log: string, events: readonly unknown[], key = keys['producer']!): Promise<void> {
  const init = { method: 'POST', key, type: 'application/json', body: JSON.stringify(events) }
  expect((await ground.ask(`${log}/events?wait=published&receipts=count`, init)).status).toBe(200)
}

async function get<T = unknown>(
  path: string,
  role = 'analyst',
): Promise<T & { status: number; code?: string }> {
  const response = await ground.ask(path, { key: keys[role]! })
  return { ...((await response.json()) as T), status: response.status }
}

async function post(
  path: string,
  role: string,
  body?: object,
  more: Ask = {},
): Promise<Record<string, unknown>> {
  const sent = body === undefined ? {} : { type: 'application/json', body: JSON.stringify(body) }
  const response = await ground.ask(path, { method: 'POST', key: keys[role]!, ...sent, ...more })
  return { ...((await response.json()) as object), status: response.status }
}

interface List {
  events: SeenEvent[]
  next: number | null
}

describe('search', () => {
  const found = async (query: string, role?: string): Promise<number[]> =>
    (await get<List>(`${LOG}/events?${query}`, role)).events.map(({ index }) => index)

  test('filters hold together; actions and sources may be several; newest first', async () => {
    expect(await found('')).toEqual([3, 2, 1, 0])
    expect(await found('action=document.*&outcome=failure')).toEqual([2])
    expect(await found('action=user.login&action=document.read')).toEqual([1, 0])
    expect(await found('source=other&source=nobody')).toEqual([3, 2])
    expect(await found('session=s-1&from=2026-11-25T10:00:01Z')).toEqual([1])
    expect(await found('actor=alice@example.com&text=FLAMINGOS')).toEqual([2])
    expect(await found('ip=192.0.2.7')).toEqual([3, 0])
  })

  test('pages go on below the last index', async () => {
    const first = await get<List>(`${LOG}/events?limit=3`)
    expect([first.events.map(({ index }) => index), first.next]).toEqual([[3, 2, 1], 1])
    const second = await get<List>(`${LOG}/events?limit=3&before=1`)
    expect([second.events.map(({ index }) => index), second.next]).toEqual([[0], null])
    expect(await found('since=2')).toEqual([3, 2])
  })

  const bad = [
    'actions=x',
    'outcome=maybe',
    'type=other',
    'severity=0',
    'severity=25',
    'severity=1.5',
    'limit=0',
  ]
  const worse = [
    'limit=1001',
    'limit=x',
    'before=-1',
    'since=01',
    'reveal=yes',
    'from=yesterday',
    'to=',
    'text=%21',
  ]
  const twice = ['outcome=success&outcome=failure', 'limit=1&limit=2', 'action=', 'session=', 'text=', 'id=']
  test.each([
    ...bad,
    ...worse,
    ...twice,
    `session=${'x'.repeat(513)}`,
    'action=x'.concat('&action=y'.repeat(20)),
  ])('%s is refused, with its name', async (query) => {
    const answer = await get<{ detail: string }>(`${LOG}/events?${query}`)
    expect([answer.status, answer.code]).toEqual([400, expect.stringMatching(/^invalid_(parameter|query)$/)])
    expect(answer.detail).toContain(query.split('=', 1)[0])
  })

  test('personal fields are neither shown nor searched without pii:reveal', async () => {
    const hidden = await get<List>(`${LOG}/events`, 'auditor')
    expect(JSON.stringify(hidden)).not.toMatch(/alice|Liddell|192\.0\.2\.7|flamingo/i)
    for (const query of ['reveal=true', 'actor=alice@example.com', 'ip=192.0.2.7'])
      expect(await get(`${LOG}/events?${query}`, 'auditor')).toMatchObject({
        status: 403,
        code: 'reveal_not_allowed',
      })
    expect(await found('text=flamingos', 'auditor')).toEqual([])
    const shown = await get<List>(`${LOG}/events?reveal=true&limit=1`)
    expect(shown.events[0]).toMatchObject({ event: { actor: { name: 'Alice Liddell' } }, hidden: 0 })
  })
})

test('a timeline is oldest first, across sources, by exactly one thing', async () => {
  const line = await get<List>(`${LOG}/timeline?session=s-1&limit=2`)
  expect([line.events.map(({ index }) => index), line.next]).toEqual([[0, 1], 1])
  const rest = await get<List>(`${LOG}/timeline?session=s-1&after=1`)
  expect([rest.events.map(({ index }) => index), rest.next]).toEqual([[3], null])
  expect((await get<List>(`${LOG}/timeline?trace=t-1`)).events).toMatchObject([{ index: 1 }])
  expect((await get<List>(`${LOG}/timeline?actor=alice@example.com`)).events).toHaveLength(4)
  const refused = await Promise.all(
    ['timeline?', 'events?'].map((path) => get(`${LOG}/${path}actor=alice@example.com`, 'auditor')),
  )
  expect(refused[0], 'as a search is').toEqual(refused[1])
  expect(refused[0]).toMatchObject({ status: 403, code: 'reveal_not_allowed' })
  for (const query of [
    '',
    'session=a&trace=b',
    'session=a&session=b',
    'session=',
    'who=a',
    'trace=a&limit=0',
    'trace=a&after=x',
  ])
    expect([query, (await get(`${LOG}/timeline?${query}`)).status]).toEqual([query, 400])
})

test('an event has three clocks: of who sent it, who passed it on, and of the log, signed before and after', async () => {
  const { clocks } = await get<{ clocks: Record<string, string | null> }>(`${LOG}/events/2`)
  expect(clocks).toMatchObject({ time: '2026-11-25T10:00:02Z', observed_time: '2026-11-25T10:00:02.5Z' })
  const history = await get<{ sths: { tree_size: number; timestamp: number }[] }>(`${LOG}/sths?limit=100`)
  const before = history.sths.filter(({ tree_size: size }) => size <= 2).map(({ timestamp }) => timestamp)
  const after = history.sths.filter(({ tree_size: size }) => size > 2).map(({ timestamp }) => timestamp)
  expect(Date.parse(clocks['logged_after']!)).toBe(Math.max(...before))
  expect(Date.parse(clocks['logged_before']!)).toBe(Math.min(...after))
})

test('what is no event, or not there, or not a number, is said to be so', async () => {
  expect(await get(`${LOG}/events/4`)).toMatchObject({ status: 404, code: 'not_an_event', index: 4 })
  expect(await get(`${LOG}/events/99999`)).toMatchObject({ status: 404, code: 'index_out_of_range' })
  for (const index of ['01', '-1', '1.0', 'x', '9007199254740992'])
    expect([index, await get(`${LOG}/events/${index}`)]).toMatchObject([
      index,
      { status: 400, code: 'invalid_parameter' },
    ])
  expect(await get(`${LOG}/events/0?reveal=1`)).toMatchObject({ status: 400, code: 'invalid_parameter' })
  expect(await get(`${LOG}/events/0?reveal=true`, 'auditor')).toMatchObject({ status: 403 })
})

test('a bundle discloses what was asked for and nothing else, and verifies offline', async () => {
  const policy = parsePolicy(await (await ground.ask(`${LOG}/policy`)).text())
  const bundle = async (query: string) =>
    verifyEventBundle(await (await ground.ask(`${LOG}/events/0/bundle${query}`)).text(), policy)
  expect((await bundle('')).event).toMatchObject({ action: 'user.login' })
  expect(JSON.stringify(await bundle(''))).not.toMatch(/alice|Liddell|192\.0\.2\.7/i)
  const chosen = await bundle('?disclose=actor.name,src')
  expect(chosen.event).toMatchObject({ actor: { name: 'Alice Liddell' }, src: { ip: '192.0.2.7' } })
  expect(JSON.stringify(chosen)).not.toContain('alice@')
  expect(await bundle('?disclose=all')).toMatchObject({ hidden: 0 })
  for (const query of [
    'disclose=actor.email',
    'disclose=',
    'disclose=actor.name,',
    'disclose=a&disclose=b',
    'x=1',
  ])
    expect([query, (await get(`${LOG}/events/0/bundle?${query}`)).status]).toEqual([query, 400])
  expect(await get(`${LOG}/events/0/bundle?disclose=actor.name`, 'auditor')).toMatchObject({
    status: 403,
    code: 'reveal_not_allowed',
  })
})

describe('exports', () => {
  const custodyOf = async (log: string): Promise<Record<string, Record<string, unknown>>[]> => {
    const { events } = await get<List>(`/logs/${log}/events?type=custody`, 'auditor')
    return events.map(({ event }) => event as Record<string, Record<string, unknown>>).toReversed()
  }

  test('are streamed, and the log says who took them and what, before and after', async () => {
    const response = await ground.ask(`${LOG}/exports`, {
      method: 'POST',
      key: keys['auditor']!,
      type: 'application/json',
      body: JSON.stringify({ format: 'ndjson', action: ['document.*'] }),
    })
    const text = await response.text()
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toHaveLength(2)
    expect(text).not.toMatch(/alice|Liddell/i)
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    const begun = Number(response.headers.get('prooflog-custody-index'))
    await ground.indexed('default', begun + 2)
    const [begin, end] = await custodyOf('default')
    expect(begin).toMatchObject({
      action: 'prooflog.export.begin',
      custody: { format: 'ndjson', revealed: false, filters: ['action'] },
    })
    expect(end).toMatchObject({
      action: 'prooflog.export.complete',
      custody: { begun, count: 2, sha256: createHash('sha256').update(text).digest('hex') },
    })
    expect(end!['custody']!['export']).toBe(begin!['custody']!['export'])
  })

  test('refuse what cannot be exported before anything is in the log', async () => {
    const before = await treeSize(ground, 'default')
    for (const body of [
      {},
      { format: 'pdf' },
      { format: 'csv', color: 'red' },
      { format: 'csv', reveal: 'yes' },
      { format: 'csv', outcome: 'maybe' },
      { format: 'csv', from: 'soon' },
      { format: 'csv', action: [1] },
    ])
      expect([body, (await post(`${LOG}/exports`, 'analyst', body))['status']]).toEqual([body, 400])
    for (const body of [
      { format: 'csv', reveal: true },
      { format: 'csv', ip: '192.0.2.7' },
    ])
      expect(await post(`${LOG}/exports`, 'auditor', body)).toMatchObject({
        status: 403,
        code: 'reveal_not_allowed',
      })
    expect(await post(`${LOG}/exports`, 'analyst', {}, { type: 'text/plain' })).toMatchObject({ status: 415 })
    expect(await treeSize(ground, 'default')).toBe(before)
  })

  test('that are broken off have a begin and no end', async () => {
    await ground.log('large')
    const message = 'x'.repeat(30_000)
    for (let batch = 0; batch < 4; batch++)
      await send(
        '/logs/large',
        Array.from({ length: 300 }, (_, i) => ({ ...EVENTS[0], id: `${batch}-${i}`, message })),
      )
    await ground.indexed('large', 1_200)
    const abort = new AbortController()
    const response = await ground.ask('/logs/large/exports', {
      method: 'POST',
      type: 'application/json',
      body: JSON.stringify({ format: 'ndjson', reveal: true }),
      signal: abort.signal,
    })
    await response.body!.getReader().read()
    abort.abort()
    await sleep(1_000)
    expect(await treeSize(ground, 'large')).toBe(1_201)
    await ground.indexed('large', 1_201)
    expect(await custodyOf('large')).toMatchObject([{ action: 'prooflog.export.begin' }])
  })
})

describe('erasures and holds', () => {
  const person = async (): Promise<string> => {
    const id = `person-${Math.random().toString(36).slice(2)}`
    await send(LOG, [{ ...EVENTS[0], id: `of ${id}`, actor: { id, type: 'user' } }])
    return id
  }
  const ask = (subject: string, more: object = {}, role = 'admin') =>
    post(`${LOG}/erasures`, role, { subject, basis: 'GDPR 17(1)(b)', ...more })

  test('one asks, another approves, and what cannot be is told why', async () => {
    const subject = await person()
    const asked = await ask(subject, { ticket: 'T-1' })
    expect(asked).toMatchObject({ status: 201, state: 'pending', ticket: 'T-1', ref: expect.any(String) })
    expect(JSON.stringify(asked)).not.toContain(subject)
    const one = `${LOG}/erasures/${String(asked['id'])}`
    expect(await ask(subject)).toMatchObject({ status: 409, code: 'erasure_conflict' })
    const held = await post(`${LOG}/holds`, 'dpo', { subject, reason: 'case' })
    expect(held).toMatchObject({ status: 201 })
    expect(await post(`${LOG}/holds`, 'dpo', { subject, reason: 'case' }), 'again').toEqual({
      ...held,
      status: 200,
    })
    expect(await post(`${one}/approve`, 'dpo')).toMatchObject({ status: 409, code: 'subject_held' })
    const { holds } = await get<{ holds: { id: string }[] }>(`${LOG}/holds`, 'dpo')
    for (let i = 0; i < 2; i++) {
      const path = `${LOG}/holds/${holds[0]!.id}`
      expect((await ground.ask(path, { method: 'DELETE', key: keys['dpo']! })).status).toBe(200)
    }
    expect(await post(`${one}/approve`, 'dpo')).toMatchObject({ status: 200, state: 'done', entries: 1 })
    expect(await post(`${one}/approve`, 'dpo'), 'again').toMatchObject({ status: 200, state: 'done' })
    expect(await post(`${one}/reject`, 'dpo')).toMatchObject({ status: 409, code: 'erasure_conflict' })
    expect(await ask(subject)).toMatchObject({ status: 404, code: 'subject_not_found' })
    const { status, ...shown } = await get<Record<string, unknown>>(one, 'dpo')
    expect(erasure.parse(shown), 'as the reference tells it').toMatchObject({ state: 'done' })
    expect(status).toBe(200)
    expect(hold.parse((await get<{ holds: unknown[] }>(`${LOG}/holds`, 'dpo')).holds[0])).toBeDefined()
  })

  test('nobody approves what he asked for himself, and what was rejected stays rejected', async () => {
    const subject = await person()
    const own = await ask(subject, {}, 'dpo')
    const one = `${LOG}/erasures/${String(own['id'])}`
    expect(await post(`${one}/approve`, 'dpo')).toMatchObject({ status: 403, code: 'same_person' })
    expect(await post(`${one}/reject`, 'dpo')).toMatchObject({ status: 200, state: 'rejected' })
    expect(await post(`${one}/approve`, 'dpo')).toMatchObject({ status: 409, code: 'erasure_conflict' })
    expect(await ask(subject)).toMatchObject({ status: 201 })
  })

  test('what is malformed is 400, what is unknown 404, and nothing of it is our fault', async () => {
    const subject = await person()
    const bodies: object[] = [
      {},
      { subject },
      { subject: '', basis: 'x' },
      { subject, basis: 'x', color: 'red' },
    ]
    const texts = ['\0', 'x\0y', '\ud800', 'x'.repeat(501)]
    bodies.push(
      ...texts.flatMap((text) => [
        { subject, basis: text },
        { subject, basis: 'x', ticket: text },
      ]),
    )
    bodies.push({ subject, basis: `erase ${subject}` }, { subject, basis: 'x', kind: 'nobody' })
    for (const body of bodies)
      expect([body, await post(`${LOG}/erasures`, 'admin', body)]).toMatchObject([body, { status: 400 }])
    for (const reason of [...texts, ''])
      expect([reason, await post(`${LOG}/holds`, 'dpo', { reason })]).toMatchObject([reason, { status: 400 }])
    for (const odd of ['nobody', '\0', '\ud800'])
      for (const kind of ['actor', 'ref'])
        expect([odd, (await ask(odd, { kind }))['status']]).toEqual([odd, odd === 'nobody' ? 404 : 400])
    for (const id of ['x', '0'.repeat(32), 'x'.repeat(300)]) {
      expect(await get(`${LOG}/erasures/${id}`, 'dpo')).toMatchObject({
        status: 404,
        code: 'erasure_not_found',
      })
      expect(await post(`${LOG}/erasures/${id}/approve`, 'dpo')).toMatchObject({ status: 404 })
      expect(await post(`${LOG}/erasures/${id}/reject`, 'dpo')).toMatchObject({ status: 404 })
      const hold = await ground.ask(`${LOG}/holds/${id}`, { method: 'DELETE', key: keys['dpo']! })
      expect([hold.status, await hold.json()]).toMatchObject([404, { code: 'hold_not_found' }])
    }
    expect(
      await post(`${LOG}/erasures`, 'admin', undefined, { type: 'text/plain', body: '{}' }),
    ).toMatchObject({ status: 415 })
    expect(
      await post(`${LOG}/erasures`, 'admin', undefined, { type: 'application/json', body: '{' }),
    ).toMatchObject({ status: 400 })
  })
})

test('the reference lists every audit route, and knows every problem that it names', async () => {
  const text = await (await ground.ask('/openapi.json', { key: null })).text()
  const { paths } = JSON.parse(text) as {
    paths: Record<string, Record<string, { responses: Record<string, { description: string }> }>>
  }
  for (const row of Object.keys(auditAccess(true))) {
    const [method = '', path = ''] = row.split(' ')
    const operation = paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
    expect([row, operation !== undefined]).toEqual([row, true])
    for (const [status, { description }] of Object.entries(operation!.responses))
      for (const code of status < '400' ? [] : description.split(', '))
        expect([row, code, { ...PROBLEMS, ...AUDIT_PROBLEMS }[code as 'too_large']?.status]).toEqual([
          row,
          code,
          Number(status),
        ])
  }
})

test('who looks is in _meta before he is answered', async () => {
  for (const path of [
    `${LOG}/events`,
    `${LOG}/events/1?reveal=true`,
    `${LOG}/events/1/bundle`,
    `${LOG}/timeline?trace=t-1`,
  ]) {
    const before = await treeSize(ground, '_meta')
    expect((await get(path)).status).toBe(200)
    // What was refused before may be written meanwhile too.
    expect(await treeSize(ground, '_meta'), path).toBeGreaterThan(before)
  }
  await vi.waitFor(async () => {
    const { events } = await get<List>('/logs/_meta/events?action=prooflog.reveal', 'auditor')
    expect(events.length).toBeGreaterThan(0)
  }, PATIENCE)
})
