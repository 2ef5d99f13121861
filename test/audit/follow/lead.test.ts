// One connection leads under a name, for a log, as long as it is there.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { stopLeading, tryToLead } from '../../../src/audit/follow/lead.ts'
import { connect, type Sql } from '../../../src/db/connect.ts'
import { giveUpLead, tryLead } from '../../../src/store/lead.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

function process(): Sql {
  const { sql, close } = connect({ url: database.url, max: 1 })
  onTestFinished(close)
  return sql
}

test('one leads, however often it asks, until it stops', async () => {
  const [one, two] = [process(), process()]
  for (let i = 0; i < 3; i++) expect(await tryToLead(one, 'search', 1)).toBe(true)
  expect(await tryToLead(two, 'search', 1)).toBe(false)
  await stopLeading(one, 'search', 1)
  expect(await tryToLead(two, 'search', 1)).toBe(true)
  expect(await tryToLead(one, 'search', 1)).toBe(false)
})

test('each log and each name has a leader of its own', async () => {
  const [one, two] = [process(), process()]
  expect(await tryToLead(one, 'search', 1)).toBe(true)
  expect(await tryToLead(two, 'search', 2)).toBe(true)
  expect(await tryToLead(two, 'other', 1)).toBe(true)
  await stopLeading(two, 'other', 1)
  expect(await tryToLead(two, 'search', 1), 'stopping under another name').toBe(false)
})

test('who lost the connection lost the lead, and is told so when it asks', async () => {
  const [one, two] = [process(), process()]
  expect(await tryToLead(one, 'search', 1)).toBe(true)
  const [row] = await one<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`
  await database.owner`SELECT pg_terminate_backend(${row?.pid ?? 0}, 10000)`
  expect(await tryToLead(two, 'search', 1)).toBe(true)
  // The first statement after it may be what finds out.
  await one`SELECT 1`.catch(() => undefined)
  expect(await tryToLead(one, 'search', 1)).toBe(false)
})

test('no name takes a lock of the engine: their classes are four letters', async () => {
  const [one, two] = [process(), process()]
  for (const name of ['', 'search', ...Array.from({ length: 300 }, (_, i) => `follower ${i}`)])
    expect(await tryToLead(one, name, 1)).toBe(true)
  const classes = await one<{ id: string }[]>`
    SELECT DISTINCT classid::text AS id FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`
  expect(classes.length).toBeGreaterThan(290)
  expect(classes.map(({ id }) => Number(id)).filter((id) => id <= 0 || id >= 0x30303030)).toEqual([])
  expect(await tryLead(two, 1)).toBe(true)
  await giveUpLead(two, 1)
})
