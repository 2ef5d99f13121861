import { expect, onTestFinished, test } from 'vitest'
import type { AuditEvent } from '../../../src/audit/event/types.ts'
import { indexesOf, searchGround, type SearchGround } from './ground.ts'

async function ground(): Promise<SearchGround> {
  const made = await searchGround()
  onTestFinished(() => made.close())
  return made
}

const NOW = Date.now()
const events = (count: number, prefix: string, more: Partial<AuditEvent> = {}): AuditEvent[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${prefix}${i}`,
    time: new Date(NOW - i).toISOString(),
    action: 'user.login',
    outcome: 'success',
    actor: { id: `user${i % 10}`, type: 'user' },
    ...more,
  }))

const rowsOf = (at: SearchGround) =>
  at.database.sql`SELECT log_id, index, time, terms::text FROM search.events ORDER BY index`

test('a rebuild gives the same rows, and says that it is going on', async () => {
  const at = await ground()
  const first = await at.indexer()
  await at.record(events(300, 'e'))
  await at.plain(5)
  await at.recordRaw(['no json', 'neither'])
  await at.record(events(3, 'old', { time: '1970-01-01T00:00:00Z' }))
  await at.indexed()
  const before = await rowsOf(at)
  const granules = await at.database.sql`SELECT * FROM search.granules ORDER BY granule`
  expect(before).toHaveLength(305)
  await first.stop()
  await at.search.rebuild(at.log)
  expect(await at.search.status(at.log)).toMatchObject({ indexed: 0, published: 310, rebuilding: true })
  expect(await at.search.query(at.log, { personal: true, limit: 10 })).toEqual({
    events: [],
    damaged: [],
    next: undefined,
    indexed: 0,
  })
  await at.indexer()
  await at.indexed()
  expect(await rowsOf(at)).toEqual(before)
  expect(await at.database.sql`SELECT * FROM search.granules ORDER BY granule`).toEqual(granules)
  expect(await at.search.gaps(at.log)).toEqual({ missing: 0, at: [] })
})

test('a rebuild while the follower works leaves no gap', async () => {
  const at = await ground()
  await at.indexer()
  await at.record(events(200, 'a'))
  await at.indexed()
  for (let i = 0; i < 5; i++) {
    await at.record(events(50, `b${i}-`))
    await at.search.rebuild(at.log)
  }
  await at.indexed()
  expect(await at.search.gaps(at.log)).toEqual({ missing: 0, at: [] })
  expect(await rowsOf(at)).toHaveLength(450)
})

test('a row that somebody took away is missed', async () => {
  const at = await ground()
  await at.indexer()
  await at.record(events(20, 'a'))
  await at.plain(3)
  await at.indexed()
  expect(await at.search.gaps(at.log)).toEqual({ missing: 0, at: [] })
  await at.database.sql`DELETE FROM search.events WHERE index IN (3, 4)`
  expect(await at.search.gaps(at.log)).toEqual({ missing: 2, at: [0] })
})

test('paging neither loses nor repeats while the log grows', async () => {
  const at = await ground()
  await at.indexer()
  await at.record(events(100, 'a'))
  await at.indexed()
  const found: number[] = []
  let before: number | undefined
  for (let page = 0; ; page++) {
    const { events: matching, next } = await at.search.query(at.log, {
      action: ['user.login'],
      personal: false,
      limit: 9,
      ...(before === undefined ? {} : { before }),
    })
    found.push(...indexesOf(matching))
    if (next === undefined) break
    before = next
    await at.record(events(5, `more${page}-`))
    await at.indexed()
  }
  expect(found).toEqual(Array.from({ length: 100 }, (_, i) => 99 - i))
})

test('events of 1970 and 2100 are found by their time, and searches of today do not look at them', async () => {
  const at = await ground()
  await at.indexer()
  await at.record([
    ...events(50, 'now'),
    ...events(1, 'past', { time: '1970-01-01T00:00:00Z' }),
    ...events(1, 'future', { time: '2100-01-01T00:00:00Z' }),
  ])
  await at.indexed()
  const within = async (from: string, to: string) =>
    indexesOf((await at.search.query(at.log, { from, to, personal: false, limit: 100 })).events)
  expect(await within('1969-12-31T00:00:00Z', '1970-01-02T00:00:00Z')).toEqual([50])
  expect(await within('2099-01-01T00:00:00Z', '2101-01-01T00:00:00Z')).toEqual([51])
  expect(await within('1980-01-01T00:00:00Z', '1990-01-01T00:00:00Z')).toEqual([])
  expect(await within('1970-01-01T00:00:00Z', '2200-01-01T00:00:00Z')).toHaveLength(52)
  const [granule] = await at.database.sql`SELECT low, high, far_low, far_high FROM search.granules`
  expect(granule).toEqual({
    low: NOW - 49,
    high: NOW,
    far_low: 0,
    far_high: Date.parse('2100-01-01T00:00:00Z'),
  })
})

test('no more searches at once than are allowed', async () => {
  const at = await ground()
  await at.indexer()
  await at.record(events(10, 'a'))
  await at.indexed()
  const asked = await Promise.allSettled(
    Array.from({ length: 20 }, () => at.search.query(at.log, { personal: false, limit: 5 })),
  )
  const refused = asked.filter((one) => one.status === 'rejected')
  expect(refused).toHaveLength(12)
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'search_busy' })
})

test('entries appended as bytes that look like events stop nobody from finding the others', async () => {
  const at = await ground()
  await at.indexer()
  const looks = { v: 1, type: 'event', id: 'x', source: 'app', format: 'native', outcome: 'success' }
  await at.log.append(
    [
      JSON.stringify({ ...looks, time: 'never' }),
      JSON.stringify({
        action: 'a',
        format: 'native',
        id: 'x',
        source: 'app',
        time: 'never',
        type: 'event',
        v: 1,
      }),
      `{"v":1,"type":"event","id":"x","source":"app","format":"native","extra":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      JSON.stringify({ ...looks, action: '.'.repeat(60_000) }),
    ].map((text) => Buffer.from(text)),
  )
  await at.record(events(1, 'after'))
  await at.indexed()
  const { events: matching } = await at.search.query(at.log, { personal: true, id: 'after0', limit: 10 })
  expect(indexesOf(matching)).toEqual([4])
  const from = '2000-01-01T00:00:00Z'
  expect(indexesOf((await at.search.query(at.log, { personal: true, from, limit: 10 })).events)).toContain(4)
})
