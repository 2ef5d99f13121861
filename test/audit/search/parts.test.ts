import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatEnvelope } from '../../../src/audit/event/envelope.ts'
import type { Envelope } from '../../../src/audit/event/types.ts'
import { addToGranules, partsWithin } from '../../../src/audit/search/granules.ts'
import { keyOf } from '../../../src/audit/search/keys.ts'
import { ensurePart, invertFullParts, PART_SIZE, partOf, tableOf } from '../../../src/audit/search/parts.ts'
import { millisWithin, planOf } from '../../../src/audit/search/plan.ts'
import { copyRows, type Row, rowOf } from '../../../src/audit/search/rows.ts'
import { partsStatement, probeStatement, type Scan, SEARCH_SETTINGS } from '../../../src/audit/search/scan.ts'
import { createSearch, type Search } from '../../../src/audit/search/search.ts'
import { createTerms } from '../../../src/audit/search/terms.ts'
import type { SearchQuery } from '../../../src/audit/search/types.ts'
import type { Vault } from '../../../src/audit/vault/types.ts'
import { connect, type Database } from '../../../src/db/connect.ts'
import type { Log } from '../../../src/log/types.ts'
import { installNodeCrypto } from '../../../src/node-crypto.ts'
import { copyIn } from '../../../src/store/copy-in.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { indexesOf } from './ground.ts'

installNodeCrypto()

const START = Date.parse('2026-01-01T00:00:00Z')
const SECRET = new Uint8Array(32).fill(5)
const SIZE = 5 * PART_SIZE + 20_000
const terms = createTerms(SECRET)
let database: TestDatabase
let db: Database
/** A log of its own for each test: one with few events in many parts, one with a full part. */
const [SPARSE, FULL] = [1, 2]

/** When the log took an entry. */
const takenAt = (index: number): number => START + index * 1_000
const events = new Map<number, Envelope>()

function eventAt(index: number, n: number): Envelope {
  const far = n % 40 === 0
  return {
    v: 1,
    type: 'event',
    id: `id-${index}`,
    source: `source-${n % 3}`,
    format: 'native',
    time: far
      ? n % 80 === 0
        ? '1970-01-01T00:00:00Z'
        : '2100-01-01T00:00:00Z'
      : new Date(takenAt(index)).toISOString(),
    action: n % 5 === 0 ? 'user.login' : 'file.read',
    outcome: n % 2 === 0 ? 'success' : 'failure',
    severity: (n % 24) + 1,
    auth: { session_id: `session-${n % 7}` },
  }
}

beforeAll(async () => {
  database = await testDatabase()
  for (const name of ['sparse', 'full'])
    await database.owner`INSERT INTO log.logs (name, origin, public, dedup, vkeys) VALUES (${name}, ${name}, false, true, '{}')`
  db = connect({ url: database.url, max: 4, settings: SEARCH_SETTINGS })
  const indexes = fc.sample(
    fc.uniqueArray(fc.integer({ min: 0, max: SIZE - 1 }), { minLength: 600, maxLength: 600, size: 'max' }),
    { numRuns: 1, seed: 2 },
  )[0]!
  const edges = [0, 1, 2, 3, 4, 5]
    .flatMap((part) => [part * PART_SIZE - 1, part * PART_SIZE])
    .filter((index) => index >= 0)
  const all = [...new Set([...indexes, ...edges])].sort((a, b) => a - b)
  for (const [n, index] of all.entries()) events.set(index, eventAt(index, n))
  await store(SPARSE, SIZE)
}, 60_000)
afterAll(async () => {
  await db.close()
  await database.drop()
})

async function store(logId: number, size: number): Promise<void> {
  for (let part = 0; part * PART_SIZE < size; part++) {
    const end = Math.min(size, (part + 1) * PART_SIZE)
    const rows = [...events]
      .filter(([index]) => partOf(index) === part)
      .map(([index, envelope]) => colliding(rowOf({ index, envelope, fields: [] }, takenAt(index), terms)))
    await ensurePart(db, logId, part)
    await db.sql.begin(async (tx) => {
      await copyIn(
        tx,
        `COPY ${tableOf(logId, part)} (log_id, index, time, terms) FROM STDIN BINARY`,
        copyRows(logId, rows),
      )
      await addToGranules(tx, logId, part * PART_SIZE, end, rows)
    })
  }
  await db.sql`INSERT INTO follow.cursors (name, log_id, next_index) VALUES ('search', ${logId}, ${size})`
  await invertFullParts(db, logId, size)
}

/** Every row seems to be of this session, as if the hashes of all sessions were one: the events have to tell. */
function colliding(row: Row): Row {
  const all = new Set([...row.terms, terms.clear(keyOf('session', 'session-3'))])
  return { ...row, terms: Int32Array.from(all).sort() }
}

const plainEntry = Buffer.from('no event')
const vault = {
  secretFor: () => SECRET,
  open: async (_: number, entries: readonly unknown[]) => entries.map(() => []),
} as unknown as Vault
const log = {
  info: { id: SPARSE, name: 'sparse' },
  published: () => ({ size: SIZE }),
  entriesAt: async (indexes: readonly number[]) =>
    indexes.map((index) => {
      const envelope = events.get(index)
      return envelope === undefined ? plainEntry : formatEnvelope(envelope)
    }),
} as unknown as Log

async function pages(search: Search, query: SearchQuery): Promise<number[]> {
  const found: number[] = []
  for (let before = query.before; ;) {
    const { events: page, next } = await search.query(log, {
      ...query,
      ...(before === undefined ? {} : { before }),
    })
    found.push(...indexesOf(page))
    if (next === undefined) return found
    before = next
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const when = (index: number): string => new Date(takenAt(index)).toISOString()
const anyTime = fc.oneof(
  fc.integer({ min: 0, max: SIZE }).map(when),
  pick('1969-01-01T00:00:00Z', '1971-01-01T00:00:00Z', '2099-01-01T00:00:00Z', '2101-01-01T00:00:00Z'),
)

test('across parts, full or not, a search finds what a reading of all events finds, in both directions', async () => {
  const search = createSearch({ db, vault })
  const each = Object.entries({
    action: pick(['user.login'], ['file.*', 'user.*'], ['nothing']),
    outcome: pick('success', 'failure'),
    session: fc.integer({ min: 0, max: 8 }).map((n) => `session-${n}`),
    severity: pick(1, 10, 20, 24),
    from: anyTime,
    to: anyTime,
    before: fc.integer({ min: 0, max: SIZE + 10 }),
    since: fc.integer({ min: 0, max: SIZE + 10 }),
  })
  const filters = fc
    .subarray(each, { maxLength: 3 })
    .chain(
      (some) =>
        fc.record(Object.fromEntries(some)) as fc.Arbitrary<unknown> as fc.Arbitrary<Partial<SearchQuery>>,
    )
  let hits = 0
  await fc.assert(
    fc.asyncProperty(filters, pick(7, 90, 1_000), async (some, limit) => {
      const query: SearchQuery = { ...some, limit, personal: true }
      const expected = [...events]
        .filter(([index, event]) => {
          const time = Date.parse(textOf(event['time']))
          return (
            (some.action?.some(
              (one) =>
                one === event['action'] ||
                (one.endsWith('*') && textOf(event['action']).startsWith(one.slice(0, -1))),
            ) ??
              true) &&
            (some.outcome ?? event['outcome']) === event['outcome'] &&
            (some.session === undefined ||
              some.session === (event['auth'] as { session_id: string }).session_id) &&
            (some.severity ?? 0) <= Number(event['severity']) &&
            (some.from === undefined || time >= Date.parse(some.from)) &&
            (some.to === undefined || time < Date.parse(some.to)) &&
            index < (some.before ?? Infinity) &&
            index >= (some.since ?? 0)
          )
        })
        .map(([index]) => index)
      hits += expected.length
      expect(await pages(search, query)).toEqual(expected.toReversed())
    }),
    { numRuns: 80, seed: 1 },
  )
  expect(hits).toBeGreaterThan(1_000)
  const session = [...events]
    .filter(([, event]) => (event['auth'] as { session_id: string }).session_id === 'session-3')
    .map(([index]) => index)
  const found: number[] = []
  for (let after: number | undefined, more = true; more; more = after !== undefined) {
    const page = await search.timeline(log, { session: 'session-3' }, { after, limit: 20, personal: false })
    found.push(...indexesOf(page.events))
    after = page.next
  }
  expect(found).toEqual(session)
  expect(await pages(search, { session: 'session-3', limit: 7, personal: false })).toEqual(
    session.toReversed(),
  )
}, 90_000)

test('no documented filter reads a full part from end to end', async () => {
  await fillPart()
  const filters: Partial<SearchQuery>[] = [
    {},
    { action: ['user.login'] },
    { action: ['user.*'] },
    { action: ['user.login', 'backup'] },
    { actor: 'alice' },
    { target: 'doc-1' },
    { outcome: 'success' },
    { ip: '192.0.2.7' },
    { session: 's' },
    { trace: 't' },
    { correlation: 'c' },
    { severity: 1 },
    { severity: 17 },
    { severity: 24 },
    { source: ['app'] },
    { service: 'api' },
    { id: 'e1' },
    { type: 'event' },
    { from: when(0) },
    { to: when(PART_SIZE) },
    { from: when(100), to: when(200) },
    { text: 'some words' },
    { actor: 'alice', outcome: 'failure', from: when(0), text: 'word' },
  ]
  for (const filter of filters) {
    for (const personal of [true, false]) {
      for (const order of ['newest', 'oldest'] as const) {
        const plan = planOf({ ...filter, limit: 50, personal })
        const scan: Scan = {
          sql: db.sql,
          logId: FULL,
          plan,
          terms,
          indexed: PART_SIZE,
          open: new Set(),
          order,
          want: () => 51,
        }
        const window = { start: 0, end: PART_SIZE }
        const millis = millisWithin(plan) ?? { low: 0, high: Number.MAX_SAFE_INTEGER }
        const timed = await partsWithin(db.sql, FULL, millis.low, millis.high)
        expect(timed).toHaveLength(1)
        const statements = [
          probeStatement(scan, { start: PART_SIZE - 4_096, end: PART_SIZE }),
          partsStatement(scan, window, timed),
          partsStatement(
            scan,
            window,
            timed.map(({ part }) => ({ part, range: null, far: true })),
          ),
        ]
        for (const statement of statements) {
          const explained = await db.sql.unsafe(`EXPLAIN ${statement}`)
          const text = explained.map((row) => String(row['QUERY PLAN'])).join('\n')
          expect(text, statement).not.toMatch(/Seq Scan/)
          expect(text, statement).toMatch(/Index/)
          // Bounded: walking the primary key is for ranges, never for a whole part in the hope of a match.
          const byTerms = statement.includes('terms') && !statement.includes('index >= 61440')
          expect(text).toMatch(byTerms ? /events_2_0_terms/ : /Index/)
        }
      }
    }
  }
}, 60_000)

/** 65,536 rows whose terms are numbers of every frequency, from all of them to one. */
async function fillPart(): Promise<void> {
  const common = ['outcome\0success', 'type\0event', 'action\0user.*', 'severity_from\x001'].map((key) =>
    terms.clear(key),
  )
  await ensurePart(db, FULL, 0)
  await db.sql.unsafe(`
    INSERT INTO ${tableOf(FULL, 0)} (log_id, index, time, terms)
    SELECT ${FULL}, i, ${START} + i * 1000, ARRAY[${common.join(',')}, i % 2, i % 50, 1000 + i % 9000, 1000000 + i, ${terms.clear(keyOf('far', '1'))} + i % 100]
    FROM generate_series(0, ${PART_SIZE - 1}) i`)
  await db.sql`INSERT INTO search.granules SELECT ${FULL}, g, 8192, 0, ${START}, ${takenAt(PART_SIZE)}, NULL, NULL FROM generate_series(0, 7) g`
  await invertFullParts(db, FULL, PART_SIZE)
  await database.owner.unsafe(`ANALYZE ${tableOf(FULL, 0)}`)
}
