import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type Database } from '../../src/db/connect.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
let pool: Database
let other: Database

beforeAll(async () => {
  database = await testDatabase()
  pool = connect({ url: database.ownerUrl, max: 2 })
  other = connect({ url: database.ownerUrl, max: 2 })
  await other.sql`CREATE TABLE public.kept (n integer)`
})
afterAll(async () => {
  await pool.close()
  await other.close()
  await database.drop()
})

async function pidOf(tx: { unsafe: Database['sql']['unsafe'] }): Promise<number> {
  const [row] = await tx.unsafe<{ pid: number }[]>('SELECT pg_backend_pid() AS pid')
  return row?.pid ?? 0
}

async function kill(pid: number): Promise<void> {
  await other.sql`SELECT pg_terminate_backend(${pid}, 5000)`
}

/** What the socket has to say is heard: after a pause of the whole process timers come first, and sockets second. */
async function untilHeard(): Promise<void> {
  for (let i = 0; i < 5; i++) await sleep(10)
}

async function kept(): Promise<number[]> {
  const rows = await other.sql<{ n: number }[]>`SELECT n FROM public.kept ORDER BY n`
  return rows.map(({ n }) => n)
}

test('what was done is stored when the work resolves, and nothing of it when it rejects', async () => {
  expect(await pool.sql.begin(async (tx) => (await tx`INSERT INTO public.kept VALUES (1)`).count)).toBe(1)
  await expect(
    pool.sql.begin(async (tx) => {
      await tx`INSERT INTO public.kept VALUES (2)`
      throw new Error('changed my mind')
    }),
  ).rejects.toThrow('changed my mind')
  expect(await kept()).toEqual([1])
})

test('a failed statement that is ignored is not taken for success', async () => {
  const ignoring = pool.sql.begin(async (tx) => {
    await tx`INSERT INTO public.kept VALUES (3)`
    await tx.unsafe('SELECT 1 / 0').catch(() => {})
  })
  await expect(ignoring).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED' })
  expect(await kept()).not.toContain(3)
})

test('a connection lost while a statement runs ends the transaction, and the next one works', async () => {
  const lost = pool.sql.begin(async (tx) => {
    const pid = await pidOf(tx)
    const slow = tx.unsafe('SELECT pg_sleep(60)')
    await Promise.all([slow, kill(pid)])
  })
  await expect(lost).rejects.toThrow(/terminating connection|connection was lost/)
  expect(await pool.sql.begin((tx) => pidOf(tx))).toBeGreaterThan(0)
})

test('a connection lost between two statements: the second never runs, on no connection', async () => {
  const lost = pool.sql.begin(async (tx) => {
    await tx`INSERT INTO public.kept VALUES (4)`
    await kill(await pidOf(tx))
    await untilHeard()
    await Promise.all(Array.from({ length: 4 }, () => pool.sql`SELECT 1`)) // others bring connections back
    await tx`INSERT INTO public.kept VALUES (5)`
  })
  await expect(lost).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(await kept()).not.toContain(4)
  expect(await kept()).not.toContain(5)
})

test('a connection lost before COMMIT commits nothing', async () => {
  const lost = pool.sql.begin(async (tx) => {
    await tx`INSERT INTO public.kept VALUES (6)`
    await kill(await pidOf(tx))
    await untilHeard()
  })
  await expect(lost).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(await kept()).not.toContain(6)
})

test('more transactions than connections take turns, and a query builder runs in one', async () => {
  const pids = await Promise.all(Array.from({ length: 8 }, () => pool.sql.begin((tx) => pidOf(tx))))
  expect(new Set(pids).size).toBe(2)
  const done = pool.orm.transaction(async (tx) => {
    await tx.execute('INSERT INTO public.kept VALUES (7)')
    throw new Error('back')
  })
  await expect(done).rejects.toThrow('back')
  expect(await kept()).not.toContain(7)
})
