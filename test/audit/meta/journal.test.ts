import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Principal } from '../../../src/access/principal.ts'
import { AuditError } from '../../../src/audit/event/errors.ts'
import type { Incoming } from '../../../src/audit/event/types.ts'
import { createMetaJournal, type MetaJournal } from '../../../src/audit/meta/journal.ts'
import { ensureMetaLog } from '../../../src/audit/meta/meta-log.ts'
import type { Access } from '../../../src/http/journal.ts'
import { LogError } from '../../../src/log/errors.ts'
import { fakeLog, fakeLogs } from '../../support/fake-logs.ts'
import { heapInUse } from '../../support/memory.ts'

type Event = Extract<Incoming, { kind: 'event' }>['event']

const MINUTE = 60_000
let now: number
let written: Event[]
let sources: string[]
let batches: number
let faults: unknown[]
let reported: unknown[]
let journal: MetaJournal

beforeEach(() => {
  now = Date.parse('2030-01-01T00:00:00Z')
  written = []
  sources = []
  faults = []
  reported = []
  batches = 0
  journal = createMetaJournal({
    logs: fakeLogs(fakeLog('_meta')),
    recorder: {
      async record(log, incoming, source) {
        batches++
        if (log.info.name !== '_meta') throw new Error(`written to ${log.info.name}`)
        const fault = faults.shift()
        // As when the answer to COMMIT is lost: stored, and nobody knows.
        if (fault === undefined || isUnknown(fault)) {
          for (const one of incoming) {
            if (one.kind !== 'event') throw new Error(`no event: ${one.reason.message}`)
            if (!written.some(({ id }) => id === one.event.id)) written.push(one.event)
          }
          sources.push(source)
        }
        if (fault !== undefined) throw fault
        return []
      },
    },
    report: (error) => void reported.push(error),
    now: () => now,
  })
})
afterEach(() => journal.stop())

function isUnknown(error: unknown): boolean {
  return error instanceof LogError && error.code === 'outcome_unknown'
}

const KEY: Principal = { kind: 'key', id: 'k1', name: 'laptop of Ada', scopes: [], logs: null, source: 's' }
const PERSON: Principal = { ...KEY, kind: 'oidc', id: 'https://id.example#u1', name: 'Ada' }

function access(more: Partial<Access> = {}): Access {
  return {
    action: 'search',
    route: 'GET /logs/:log/events',
    log: 'default',
    principal: KEY,
    status: 200,
    code: undefined,
    ip: '192.0.2.1',
    detail: { actor: 'bob' },
    ...more,
  }
}

const countsOf = (): unknown[] => written.map(({ extra }) => extra?.['count'])

test('an access is an event: who, what, where from, what came of it', async () => {
  journal.note(access({ principal: PERSON }))
  await journal.flush()
  expect(sources).toEqual(['prooflog'])
  expect(written).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      time: '2030-01-01T00:00:00Z',
      action: 'prooflog.search',
      outcome: 'success',
      actor: { type: 'user', id: 'https://id.example#u1', name: 'Ada' },
      auth: { method: 'oidc' },
      targets: [{ type: 'log', id: 'default' }],
      src: { ip: '192.0.2.1' },
      http: { method: 'GET', path: '/logs/:log/events', status: 200 },
      params: { asked: [{ by: ['actor'] }], sought: [{ actor: 'bob' }] },
      severity: 9,
      service: { name: 'prooflog' },
      extra: { count: 1 },
    },
  ])
})

test('what is about to be changed has no outcome yet, and names nobody for longer than what was asked in vain', async () => {
  const change = {
    action: 'admin',
    route: 'DELETE /keys/:id',
    log: undefined,
    detail: { id: 'Ada' },
  } as const
  await journal.record(access({ ...change, status: undefined }))
  await journal.record(access({ ...change, status: 200 }))
  expect(written).toMatchObject([
    { action: 'prooflog.admin', outcome: 'unknown', params: { sought: [{ id: 'Ada' }] } },
    { action: 'prooflog.admin', outcome: 'success', params: { asked: [{ id: 'Ada' }] } },
  ])
  expect(written[0]?.http).toEqual({ method: 'DELETE', path: '/keys/:id' })
})

test("a key is named by its id only: what it is called may be somebody's name, and a leaf is for ever", async () => {
  await journal.record(access({ action: 'admin', route: 'POST /keys', log: undefined }))
  expect(written[0]).toMatchObject({ action: 'prooflog.admin', actor: { type: 'service', id: 'k1' } })
  expect(JSON.stringify(written)).not.toContain('Ada')
})

test('the first of a kind is written at once, those that follow within the minute together, none forgotten', async () => {
  journal.note(access())
  await journal.flush()
  for (let i = 0; i < 99; i++) {
    now += 500
    journal.note(access())
    await journal.flush()
  }
  expect(countsOf()).toEqual([1])
  now += MINUTE
  await journal.flush()
  expect(countsOf()).toEqual([1, 99])
  expect(written[1]?.extra).toMatchObject({ until: '2030-01-01T00:00:49.5Z' })
})

test('kinds are told apart by who, route, log and code; what was asked for is kept each once', async () => {
  journal.note(access())
  journal.note(access())
  journal.note(access({ detail: { actor: 'eve' } }))
  journal.note(access({ principal: PERSON }))
  journal.note(access({ log: 'other' }))
  journal.note(access({ route: 'GET /logs/:log/timeline' }))
  journal.note(access({ action: 'denied', status: 403, code: 'insufficient_scope' }))
  await journal.flush()
  expect(written).toHaveLength(5)
  expect(written[0]).toMatchObject({
    params: { asked: [{ by: ['actor'] }, { by: ['actor'] }], sought: [{ actor: 'bob' }, { actor: 'eve' }] },
    extra: { count: 3 },
  })
  expect(written[4]).toMatchObject({
    action: 'prooflog.denied',
    outcome: 'failure',
    severity: 13,
    extra: { code: 'insufficient_scope' },
  })
})

test('not one search of somebody known is left out, however many he makes', async () => {
  for (let i = 0; i < 5_000; i++) journal.note(access({ detail: { text: `word${i}` } }))
  await journal.flush()
  now += MINUTE
  await journal.flush()
  const sought = written.flatMap(({ params }) => (params as { sought: { text: string }[] }).sought)
  expect(new Set(sought.map(({ text }) => text)).size).toBe(5_000)
  expect(written.every(({ extra }) => extra?.['unlisted'] === undefined)).toBe(true)
})

test('looking at the journal is written down too, and does not make it grow by itself', async () => {
  journal.note(access({ action: 'read', log: '_meta' }))
  await journal.flush()
  for (let i = 0; i < 10; i++) await journal.flush()
  expect(countsOf()).toEqual([1])
  expect(batches).toBe(1)
})

test('a flood of strangers takes neither memory nor the log: they are counted', async () => {
  const before = heapInUse()
  for (let i = 0; i < 300_000; i++)
    journal.note(
      access({
        action: 'denied',
        principal: undefined,
        status: 401,
        code: 'key_unknown',
        ip: `2001:db8::${i.toString(16)}`,
        log: `log${i}`,
        detail: { text: 'x'.repeat(100) + i },
      }),
    )
  expect(heapInUse() - before).toBeLessThan(100_000_000)
  await journal.flush()
  expect(written.length).toBeLessThan(10_100)
  const sum = written.reduce((total, { extra }) => total + Number(extra?.['count']), 0)
  expect(sum).toBe(300_000)
})

test('one who asks for very many logs does not crowd out the others', async () => {
  for (let i = 0; i < 20_000; i++)
    journal.note(access({ log: `log${i}`, status: 404, code: 'log_not_found' }))
  journal.note(access({ principal: PERSON }))
  await journal.flush()
  expect(written.length).toBeLessThan(300)
  expect(written.at(-1)).toMatchObject({ actor: { name: 'Ada' } })
})

test('what cannot be written now is written later, once, also when it is unknown whether it was', async () => {
  faults = [new LogError('store_unavailable', 'down'), new LogError('outcome_unknown', 'lost')]
  journal.note(access())
  await journal.flush()
  expect([written.length, reported.length]).toEqual([0, 1])
  journal.note(access({ log: 'other' }))
  await journal.flush()
  await journal.flush()
  expect(written).toHaveLength(2)
  expect(new Set(written.map(({ id }) => id)).size).toBe(2)
})

test('what must be recorded is durable on return, and unavailable when it cannot be', async () => {
  await journal.record(access({ action: 'reveal' }))
  expect(written).toMatchObject([{ action: 'prooflog.reveal', extra: { count: 1 } }])
  faults = [new LogError('store_unavailable', 'down')]
  await expect(journal.record(access())).rejects.toMatchObject({ code: 'journal_unavailable' })
  expect(written).toHaveLength(1)
  faults = [new LogError('outcome_unknown', 'lost')]
  await journal.record(access({ log: 'b' }))
  expect(written, 'the same event twice is one').toHaveLength(2)
})

test('equal accesses are events of their own: no two have an id', async () => {
  for (let i = 0; i < 3; i++) await journal.record(access())
  expect(new Set(written.map(({ id }) => id)).size).toBe(3)
})

test('stopping writes what is left of the minute', async () => {
  journal.note(access())
  await journal.flush()
  journal.note(access())
  await journal.stop()
  expect(countsOf()).toEqual([1, 1])
})

test('what is asked for may be anything, and is cut where it is too long', async () => {
  journal.note(access({ detail: { text: '😀'.repeat(10_000) } }))
  journal.note(access({ log: 'b', detail: {} }))
  await journal.flush()
  expect(JSON.stringify(written[0]?.params).length).toBeLessThan(10_000)
  expect(written[1]).not.toHaveProperty('params')
})

test("names of parameters are the caller's: they cannot make an event that is none, or hold up the others", async () => {
  const names = ['__proto__', 'a', 'a.b', 'ref', '', '0', 'constructor']
  journal.note(access({ detail: Object.fromEntries(names.map((name) => [name, 'x'])) }))
  journal.note(
    access({ log: 'b', detail: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`p${i}`, ''])) }),
  )
  journal.note(access({ log: 'c' }))
  await journal.flush()
  expect(written).toHaveLength(3)
  expect(written.every(({ params }) => Object.keys(params as object).join() === 'asked,sought')).toBe(true)
})

test('what can never be written holds nothing up, and is said', async () => {
  faults = [new AuditError('event_too_large', 'too large')]
  journal.note(access())
  await journal.flush()
  journal.note(access({ log: 'b' }))
  await journal.flush()
  expect(written.map(({ targets }) => targets?.[0]?.id)).toEqual(['b'])
  expect(reported).toMatchObject([{ code: 'event_too_large' }])
})

test('the log of the journal is made once, private', async () => {
  const logs = fakeLogs()
  await ensureMetaLog(logs)
  await ensureMetaLog(logs)
  expect([...logs.byName.keys()]).toEqual(['_meta'])
  expect(logs.byName.get('_meta')?.info.public).toBe(false)
  const raced = { ...fakeLogs(fakeLog('_meta')), list: async () => [] }
  await ensureMetaLog(raced)
  const down = { ...fakeLogs(), create: () => Promise.reject(new LogError('store_unavailable', 'down')) }
  await expect(ensureMetaLog(down)).rejects.toMatchObject({ code: 'store_unavailable' })
})

test('strangers, however many, neither make those nameless who are known nor hide what they asked for', async () => {
  const stranger = { action: 'denied', principal: undefined, status: 401, code: 'key_missing' } as const
  for (let address = 0; address < 50; address++)
    for (let log = 0; log < 256; log++)
      journal.note(
        access({
          ...stranger,
          ip: `2001:db8::${address.toString(16)}`,
          log: `log-${log}`,
          detail: { q: `${'x'.repeat(2_000)} ${address} ${log}` },
        }),
      )
  journal.note(access({ action: 'read', log: 'payroll', detail: { start: '7' } }))
  await journal.flush()
  const looks = written.filter(({ action }) => action === 'prooflog.read')
  expect(looks).toMatchObject([
    {
      actor: { type: 'service', id: KEY.id },
      targets: [{ id: 'payroll' }],
      params: { asked: [{ start: '7' }] },
    },
  ])
})
