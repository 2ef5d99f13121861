// What a pool does when its database goes away for longer than it has connections: the driver alone loses one with each attempt.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { proxyTo } from '../support/proxy.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase()
})
afterAll(async () => {
  await database.drop()
})

test('after many refused attempts a pool works again, its transactions too', async () => {
  const proxy = await proxyTo(database.ownerUrl)
  const pool = connect({ url: proxy.url, max: 2 })
  expect(await pool.sql`SELECT 1 AS one`).toMatchObject([{ one: 1 }])
  await pool.sql.begin((tx) => tx`SELECT 1`)
  for (let outage = 0; outage < 3; outage++) {
    await proxy.down()
    for (let attempt = 0; attempt < 6; attempt++) {
      await expect(pool.sql`SELECT 1`).rejects.toMatchObject({ code: expect.stringMatching(/^(E|C)/) })
      await expect(pool.sql.begin((tx) => tx`SELECT 1`)).rejects.toMatchObject({
        code: expect.stringMatching(/^(E|C)/),
      })
    }
    await proxy.up()
    await expect.poll(() => pool.sql`SELECT 1 AS one`, { timeout: 25_000 }).toMatchObject([{ one: 1 }])
    const together = Array.from({ length: 4 }, (_, n) => pool.sql.begin((tx) => tx`SELECT ${n}::int AS n`))
    expect((await Promise.all(together)).map(([row]) => row?.['n'])).toEqual([0, 1, 2, 3])
  }
  await pool.close()
  await proxy.down()
}, 120_000)

test('statements under way when the connections break are answered, all of them', async () => {
  const proxy = await proxyTo(database.ownerUrl)
  const pool = connect({ url: proxy.url, max: 2 })
  // Each failure is followed by another statement at once: the moment between a socket's error and its end.
  const chains = Array.from({ length: 8 }, async () => {
    await pool.sql`SELECT pg_sleep(30)`.catch(() => {})
    await pool.sql`SELECT 1`.catch(() => {})
    return 'answered'
  })
  await new Promise((resolve) => setTimeout(resolve, 300))
  await proxy.down()
  expect(await Promise.all(chains)).toEqual(Array.from({ length: 8 }, () => 'answered'))
  await pool.close()
})

test('lists go to the server and come back', async () => {
  const pool = connect({ url: database.ownerUrl, max: 1 })
  const words = ['plain', 'with "quotes"', 'comma, and {brace}', 'back\\slash', '', 'NULL']
  const numbers = [0, -1, 2 ** 53 - 1]
  const [row] = await pool.sql`
    SELECT ${words}::text[] AS words, ${numbers}::bigint[] = ARRAY[0, -1, 9007199254740991] AS same,
      ${[1, 2]}::smallint[] || 3::smallint = ARRAY[1, 2, 3]::smallint[] AS small, ${[7]}::int[] = ARRAY[7] AS whole`
  expect(row).toEqual({ words, same: true, small: true, whole: true })
  await pool.close()
})
