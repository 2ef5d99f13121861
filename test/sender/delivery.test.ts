import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Fixture, fixture, numbered, numbersOf } from './fixture.ts'
import type { Behaviour } from './receiver.ts'

let at: Fixture
beforeEach(async () => {
  at = await fixture()
})
afterEach(() => at.end())

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

test('what was accepted arrives, in order, with an id and a time, and the segments go away', async () => {
  const sender = await at.sender({ key: () => Promise.resolve('from-a-function') })
  const heard: [string, number][] = []
  const other = await at.sender({
    spool: `${at.spool}-2`,
    onReceipt: (id, { index }) => heard.push([id, index]),
  })
  await Promise.all(upTo(500).map((n) => sender.audit(numbered(n))))
  await sender.deliver()
  expect(numbersOf(at.receiver)).toEqual(upTo(500))
  expect(at.receiver.repeated).toBe(0)
  expect(new Set(at.receiver.taken.map(({ id }) => id)).size).toBe(500)
  expect(at.receiver.taken[0]?.event['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  expect(at.receiver.requests[0]?.key).toBe('Bearer from-a-function')
  expect(sender.status()).toMatchObject({ waiting: 0, dropped: 0, lastError: undefined, oldest: undefined })
  await sender.close()
  expect(await readdir(at.spool)).toEqual(['cursor'])
  await other.audit({ ...numbered(500), id: 'mine "quoted" é', time: '2026-01-31T12:00:00.123456789+01:00' })
  await other.deliver()
  expect(heard).toEqual([['mine "quoted" é', 500]])
  expect(at.receiver.taken[500]?.event['time']).toBe('2026-01-31T12:00:00.123456789+01:00')
})

test('a request is compressed when it is worth it', async () => {
  const sender = await at.sender()
  await sender.audit(numbered(0))
  await sender.deliver()
  await sender.audit(numbered(1, 2_000))
  await sender.deliver()
  expect(at.receiver.requests.map(({ encoding }) => encoding)).toEqual([undefined, 'gzip'])
})

test(
  'faults of every kind cost repetitions, and neither events nor their order',
  { timeout: 60_000 },
  async () => {
    const faults: Behaviour[] = [
      'drop',
      { status: 503, headers: { 'retry-after': '0' } },
      'take-and-drop',
      { status: 408 },
      'half',
      { status: 500 },
      { status: 202 },
      { status: 200, body: { receipts: [] } },
      { status: 200, body: 'no JSON object' },
    ]
    at.receiver.behave = (_, request) => (request % 2 === 1 ? faults.shift() : undefined) ?? 'ok'
    const sender = await at.sender({ batch: 20 })
    for (const n of upTo(300)) await sender.audit(numbered(n))
    await sender.deliver()
    expect(faults).toEqual([])
    expect(numbersOf(at.receiver)).toEqual(upTo(300))
    expect(at.receiver.repeated).toBeGreaterThan(0)
    const codes = new Set(at.problems.map(({ code }) => code))
    expect(codes).toEqual(new Set(['unreachable', 'unavailable', 'bad_answer']))
    expect(JSON.stringify(at.problems)).not.toContain('said for a test')
    expect(sender.status().lastError).toBeUndefined()
  },
)

test('Retry-After is honoured, and a slow log is given up on after the timeout', async () => {
  const behaviours: Behaviour[] = [{ status: 429, headers: { 'retry-after': '1' } }, 'silent']
  at.receiver.behave = () => behaviours.shift() ?? 'ok'
  const sender = await at.sender({ timeout: 2_000 })
  await sender.audit(numbered(0))
  await sender.deliver()
  const [first, second, third] = at.receiver.requests.map((request) => request.at)
  expect(second! - first!).toBeGreaterThanOrEqual(995)
  expect(third! - second!).toBeGreaterThanOrEqual(1_995)
  expect(numbersOf(at.receiver)).toEqual([0])
})

test('a request that is too large is split; one event that is too large for the log is kept aside, never lost silently', async () => {
  at.receiver.behave = (events) =>
    events.length > 3 || events.some(({ message }) => message === '7') ? { status: 413 } : 'ok'
  const sender = await at.sender({ flushInterval: 50 })
  for (const n of upTo(20)) await sender.audit(numbered(n))
  await expect(sender.deliver()).rejects.toMatchObject({ code: 'set_aside' })
  expect(numbersOf(at.receiver)).toEqual(upTo(20).filter((n) => n !== 7))
  expect(sender.status()).toMatchObject({ waiting: 0, setAside: 1 })
  expect(at.problems.map(({ code }) => code)).toEqual(['set_aside'])
  expect(await readdir(join(at.spool, 'aside'))).toHaveLength(1)
})

test('a key that was revoked stops delivery and loses nothing; the next key goes on', async () => {
  at.receiver.behave = () => (at.receiver.requests.at(-1)?.key === 'Bearer good' ? 'ok' : { status: 401 })
  let key = 'revoked'
  const sender = await at.sender({ pause: 300, key: () => key })
  await sender.audit(numbered(0))
  const delivered = sender.deliver()
  await expect
    .poll(() => sender.status())
    .toMatchObject({ waiting: 1, lastError: { code: 'refused', evidence: { status: 401 } } })
  await sleep(700)
  expect(at.receiver.requests.length).toBeLessThan(20)
  expect(sender.status().oldest).toBeDefined()
  key = 'good'
  await delivered
  expect(numbersOf(at.receiver)).toEqual([0])
})

test('what the log could not read is reported by the id that the sender knows', async () => {
  at.receiver.quarantine = (event) => event['id'] === 'bad'
  const ids: string[] = []
  const sender = await at.sender({ onReceipt: (id) => ids.push(id) })
  await sender.audit({ ...numbered(0), id: 'bad' })
  await sender.deliver()
  expect(ids).toEqual(['bad'])
  expect(at.problems).toMatchObject([{ code: 'quarantined', evidence: { id: 'bad', code: 'invalid_event' } }])
})

test('an answer about other events than those sent is no acknowledgement', async () => {
  const leaf_hash = Buffer.alloc(32).toString('base64')
  const receipt = { id: 'another', index: 0, leaf_hash, duplicate: false, flags: [] }
  at.receiver.behave = (_, n) => (n === 1 ? { status: 200, body: { receipts: [receipt] } } : 'ok')
  const sender = await at.sender()
  await sender.audit(numbered(0))
  await sender.deliver()
  expect(at.problems.map(({ code }) => code)).toEqual(['bad_answer'])
  expect(numbersOf(at.receiver)).toEqual([0])
})

test('what is accepted while others are being sent arrives too', async () => {
  const sender = await at.sender()
  for (let round = 0; round < 100; round++) {
    for (const n of upTo(5)) await sender.audit(numbered(round * 5 + n))
    await sender.deliver()
    expect(at.receiver.taken).toHaveLength((round + 1) * 5)
  }
  expect(numbersOf(at.receiver)).toEqual(upTo(500))
  expect(at.receiver.repeated).toBe(0)
})

test('close() ends the request under way, keeps the rest, and the next sender delivers it once', async () => {
  at.receiver.behave = () => 'silent'
  const first = await at.sender()
  for (const n of upTo(10)) await first.audit(numbered(n))
  const delivered = first.deliver()
  delivered.catch(() => undefined)
  await expect.poll(() => at.receiver.requests.length).toBe(1)
  await first.close()
  await expect(delivered).rejects.toMatchObject({ code: 'closed' })
  await expect(first.audit(numbered(10))).rejects.toMatchObject({ code: 'closed' })
  at.receiver.behave = () => 'ok'
  const second = await at.sender()
  expect(second.status().waiting).toBe(10)
  await second.deliver()
  expect(numbersOf(at.receiver)).toEqual(upTo(10))
})

test('callbacks that throw harm nobody', async () => {
  const sender = await at.sender({
    onReceipt: () => {
      throw new Error('mine')
    },
  })
  await sender.audit(numbered(0))
  await sender.deliver()
  expect(at.problems).toMatchObject([{ code: 'callback_failed', message: 'onReceipt has thrown: mine' }])
  expect(sender.status().waiting).toBe(0)
})
