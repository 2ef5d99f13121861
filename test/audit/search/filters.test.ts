import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AuditError } from '../../../src/audit/event/errors.ts'
import type { AuditEvent } from '../../../src/audit/event/types.ts'
import type { SearchQuery } from '../../../src/audit/search/types.ts'
import { indexesOf, searchGround, type SearchGround } from './ground.ts'

const NOW = Date.now()
const COUNT = 400
let ground: SearchGround
const events: (AuditEvent & { source: string; plain?: boolean })[] = []

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const arbitrary: fc.Arbitrary<AuditEvent & { source: string }> = fc.record({
  time: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.integer({ min: -3_600_000, max: 0 }).map((ago) => new Date(NOW + ago).toISOString()),
    },
    pick('1970-01-01T00:00:00Z', '2100-06-01T12:00:00.123456789Z', '1999-12-31T23:59:59.999999999Z'),
  ),
  action: pick('user.login', 'user.logout', 'user.role.grant', 'file.read', 'backup', 'User.Login'),
  outcome: pick('success', 'failure', 'unknown'),
  actor: pick(
    { id: 'alice', email: 'alice@example.com', name: 'Alice Liddell' },
    { id: 'bob', type: 'user', name: 'Böb' },
    { id: 'cron', type: 'service', name: 'nightly cron' },
    { id: 'mallory', on_behalf_of: { id: 'alice' } },
  ),
  targets: pick(
    [],
    [{ id: 'doc-1', type: 'document', name: 'Plan 9' }],
    [{ id: 'bob', type: 'user' }, { id: 'doc-2' }],
  ),
  src: pick({ ip: '192.0.2.7' }, { ip: '2001:db8::1', host: 'gate.example.com' }, {}),
  auth: pick({ session_id: 'S-1' }, { session_id: 'S-2' }, {}),
  trace_id: pick('4bf92f3577b34da6a3ce929d0e0e4736', 'other-trace'),
  correlation_id: pick('c/1', 'c/2'),
  severity: fc.integer({ min: 1, max: 24 }),
  service: pick({ name: 'api' }, { name: 'web', version: '1.2' }),
  message: pick('quick brown fox', 'lazy dog at example.com', 'fox in 192.0.2.7', '完了 しました'),
  source: pick('app', 'edge'),
})

beforeAll(async () => {
  ground = await searchGround()
  await ground.indexer()
  for (const [i, event] of fc.sample(arbitrary, { numRuns: COUNT, seed: 4 }).entries()) {
    events.push({ ...event, id: `id-${i}` })
    const { source, ...sent } = { ...event, id: `id-${i}` }
    await ground.record([sent], source)
    if (i % 100 === 99) {
      await ground.plain(1)
      events.push({ ...event, plain: true })
    }
  }
  await ground.indexed()
}, 120_000)
afterAll(() => ground.close())

const same = (a: string | undefined, b: string): boolean => a?.toLowerCase() === b.toLowerCase()

/** What a filter means, said once more, without keys, terms or tables. */
function holds(query: SearchQuery, index: number): boolean {
  const event = events[index]
  if (event === undefined || event.plain) return false
  const person = event.actor?.type !== 'service'
  const time =
    BigInt(Date.parse(event.time)) * 1_000_000n +
    BigInt((/\.\d{3}(\d+)Z/.exec(event.time)?.[1] ?? '').padEnd(6, '0'))
  const at = (text: string): bigint => BigInt(Date.parse(text)) * 1_000_000n
  const party = (p: object | undefined, ...names: string[]): string[] =>
    Object.entries(p ?? {}).flatMap(([name, value]) =>
      names.includes(name) && typeof value === 'string' ? [value] : [],
    )
  const actors = [
    ...party(event.actor, 'id', 'name', 'email'),
    ...party(event.actor?.on_behalf_of, 'id', 'name', 'email'),
  ]
  const targets = (event.targets ?? []).flatMap((target) => [
    ...(target.type === 'user' && !query.personal ? [] : party(target, 'id')),
    ...(query.personal ? party(target, 'name') : []),
    ...party(target, 'type'),
  ])
  return (
    (query.action?.some((action) =>
      action.endsWith('.*')
        ? event.action.toLowerCase().startsWith(action.slice(0, -1))
        : same(event.action, action),
    ) ??
      true) &&
    (query.actor === undefined ||
      ((query.personal || !person) && actors.some((actor) => same(actor, query.actor ?? '')))) &&
    (query.target === undefined || targets.some((target) => same(target, query.target ?? ''))) &&
    (query.outcome === undefined || event.outcome === query.outcome) &&
    (query.ip === undefined || (query.personal && event.src?.ip === query.ip)) &&
    (query.session === undefined || same(event.auth?.session_id, query.session)) &&
    (query.trace === undefined || event.trace_id === query.trace) &&
    (query.correlation === undefined || event.correlation_id === query.correlation) &&
    (query.severity === undefined || (event.severity ?? 0) >= query.severity) &&
    (query.source?.includes(event.source) ?? true) &&
    (query.service === undefined || event.service?.name === query.service) &&
    (query.id === undefined || event.id === query.id) &&
    (query.type === undefined || query.type === 'event') &&
    (query.from === undefined || time >= at(query.from)) &&
    (query.to === undefined || time < at(query.to)) &&
    index < (query.before ?? Infinity) &&
    index >= (query.since ?? 0)
  )
}

const EACH: { readonly [name in keyof SearchQuery]?: fc.Arbitrary<SearchQuery[name]> } = {
  action: fc.uniqueArray(pick('user.login', 'user.*', 'user.role.*', 'backup', 'nothing'), { minLength: 1 }),
  actor: pick('alice', 'Alice@Example.com', 'cron', 'nightly cron', 'bob', 'böb', 'nobody'),
  target: pick('doc-1', 'document', 'bob', 'Plan 9', 'user'),
  outcome: pick('success', 'failure', 'unknown'),
  ip: pick('192.0.2.7', '2001:db8::1'),
  session: pick('S-1', 's-2', 'S-3'),
  trace: pick('4bf92f3577b34da6a3ce929d0e0e4736', 'no-trace'),
  correlation: pick('c/1', 'c/2'),
  severity: fc.integer({ min: 1, max: 24 }),
  source: fc.uniqueArray(pick('app', 'edge', 'none'), { minLength: 1 }),
  service: pick('api', 'web'),
  id: fc.integer({ min: 0, max: COUNT }).map((i) => `id-${i}`),
  type: pick('event', 'raw'),
  from: pick('1970-01-01T00:00:00Z', new Date(NOW - 1_800_000).toISOString(), '2099-01-01T00:00:00Z'),
  to: pick('1999-12-31T23:59:59.999Z', new Date(NOW - 600_000).toISOString(), '2200-01-01T00:00:00Z'),
  before: fc.integer({ min: 0, max: COUNT }),
  since: fc.integer({ min: 0, max: COUNT }),
}
/** Up to three filters together: more find nothing. */
const filters: fc.Arbitrary<Partial<SearchQuery>> = fc
  .subarray(Object.entries(EACH), { maxLength: 3 })
  .chain((some) => fc.record(Object.fromEntries(some)) as fc.Arbitrary<Partial<SearchQuery>>)

/** All pages of a search. */
async function all(query: SearchQuery): Promise<number[]> {
  const found: number[] = []
  for (let before = query.before; ;) {
    const { events: page, next } = await ground.search.query(ground.log, {
      ...query,
      ...(before === undefined ? {} : { before }),
    })
    found.push(...indexesOf(page))
    if (next === undefined) return found
    before = next
  }
}

test('a search finds what a reading of all events finds, newest first, whatever the filters and the size of pages', async () => {
  let hits = 0
  await fc.assert(
    fc.asyncProperty(filters, fc.boolean(), pick(40, 1_000), async (some, personal, limit) => {
      const query: SearchQuery = { ...some, personal, limit }
      const expected = events
        .map((_, index) => index)
        .filter((index) => holds(query, index))
        .toReversed()
      hits += expected.length
      expect(await all(query)).toEqual(expected)
    }),
    { numRuns: 100, seed: 9 },
  )
  expect(hits, 'the filters must find something').toBeGreaterThan(2_000)
}, 120_000)

test('each filter alone finds what it says', async () => {
  for (const personal of [true, false]) {
    for (const one of Object.entries(EACH).flatMap(([name, values]) =>
      fc.sample(values as fc.Arbitrary<unknown>, { numRuns: 3, seed: 3 }).map((value) => ({ [name]: value })),
    )) {
      const query = { ...one, personal, limit: 1_000 } as SearchQuery
      const expected = events
        .map((_, index) => index)
        .filter((index) => holds(query, index))
        .toReversed()
      expect(await all(query), JSON.stringify(one)).toEqual(expected)
    }
  }
}, 120_000)

test('words are found whole and in parts, in personal fields only by those who may', async () => {
  const words = async (text: string, personal: boolean): Promise<number> =>
    (await all({ text, personal, limit: 1_000 })).length
  const count = (of: (event: AuditEvent) => boolean): number =>
    events.filter((event) => !event.plain && of(event)).length
  expect(await words('FOX', true)).toBe(count(({ message = '' }) => message.includes('fox')))
  expect(await words('192.0.2.7', true)).toBe(
    count(({ message = '', src }) => message.includes('192.0.2.7') || src?.ip === '192.0.2.7'),
  )
  expect(await words('完了', true)).toBe(count(({ message = '' }) => message.includes('完了')))
  expect(await words('brown quick', true)).toBe(count(({ message = '' }) => message.includes('brown')))
  expect(await words('nightly', false)).toBe(count(({ actor }) => actor?.id === 'cron'))
  expect(await words('grant', false)).toBe(count(({ action }) => action.includes('grant')))
  for (const secret of ['fox', '192.0.2.7', 'alice@example.com', 'alice', 'liddell'])
    expect(await words(secret, false), secret).toBe(0)
})

test('what cannot be a query is refused, and the parameter is named', async () => {
  const refused: [string, object][] = [
    ['from', { from: 'yesterday' }],
    ['to', { to: '2026-13-01T00:00:00Z' }],
    ['text', { text: '. ! -' }],
    ['text', { text: Array.from({ length: 30 }, (_, i) => `word${i}`).join(' ') }],
    ['limit', { limit: 0 }],
    ['limit', { limit: 1_001 }],
    ['severity', { severity: 25 }],
    ['before', { before: -1 }],
    ['actor', { actor: '' }],
    ['action', { action: [] }],
  ]
  for (const [parameter, query] of refused) {
    const asked = ground.search.query(ground.log, { limit: 10, personal: true, ...query })
    await expect(asked, parameter).rejects.toMatchObject({ code: 'invalid_query', evidence: { parameter } })
    await expect(asked).rejects.toBeInstanceOf(AuditError)
  }
})

test('a timeline is oldest first, across sources, page by page', async () => {
  const expected = events
    .map((_, index) => index)
    .filter((index) => holds({ session: 'S-1', personal: false, limit: 1 }, index))
  const found: number[] = []
  let after: number | undefined
  do {
    const page = await ground.search.timeline(
      ground.log,
      { session: 's-1' },
      { after, limit: 17, personal: false },
    )
    found.push(...indexesOf(page.events))
    after = page.next
  } while (after !== undefined)
  expect(found).toEqual(expected)
  expect(new Set(found.map((index) => events[index]?.source))).toEqual(new Set(['app', 'edge']))
  const personal = await ground.search.timeline(
    ground.log,
    { actor: 'alice' },
    { limit: 1_000, personal: false },
  )
  expect(personal.events).toEqual([])
})
