import { expect, onTestFinished, test } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { testDatabase } from '../support/database.ts'

test('twenty processes that migrate at once apply each migration once', async () => {
  const database = await testDatabase('empty')
  onTestFinished(() => database.drop())
  const applied = await Promise.all(Array.from({ length: 20 }, () => migrate(database.ownerUrl)))
  const [row] = await database.owner`SELECT count(*)::int AS n FROM prooflog.__drizzle_migrations`
  expect(row?.['n']).toBeGreaterThan(0)
  expect(applied.filter((n) => n > 0)).toEqual([row?.['n']])
})

test('a migrated database is left alone', async () => {
  const database = await testDatabase()
  onTestFinished(() => database.drop())
  expect(await migrate(database.ownerUrl)).toBe(0)
})

test('a database migrated by a newer prooflog is refused, and left as it is', async () => {
  const database = await testDatabase()
  onTestFinished(() => database.drop())
  await database.owner`INSERT INTO prooflog.__drizzle_migrations (hash, created_at) VALUES ('from the future', 32503680000000)`
  await expect(migrate(database.ownerUrl)).rejects.toMatchObject({
    code: 'database_too_new',
    message: expect.stringMatching(/run the prooflog version that migrated it, or a newer one/),
  })
})
