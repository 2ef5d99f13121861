import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../support/database.ts'

const APPEND_ONLY = [
  'logs',
  'entries',
  'tiles',
  'tree_heads',
  'checkpoints',
  'cosignatures',
  'changes',
  'staged',
]
const TABLES = [...APPEND_ONLY, 'heads']
const REFUSED = '23001' // restrict_violation, from our triggers
const NO_PRIVILEGE = '42501'
let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase()
  const root = Buffer.alloc(32)
  await database.owner`INSERT INTO log.logs (name, origin, public, dedup, vkeys) VALUES ('a', 'example/a', true, true, '{}')`
  await database.owner`INSERT INTO log.heads VALUES (1, 5, ${root})`
  await database.owner`INSERT INTO log.entries VALUES (1, 0, 0, ${root}, ${Buffer.from('entry')})`
  await database.owner`INSERT INTO log.tiles VALUES (1, 0, 0, ${Buffer.alloc(8192)}, ${root})`
  await database.owner`INSERT INTO log.tree_heads VALUES (1, 5, ${root})`
  await database.owner`INSERT INTO log.checkpoints VALUES (1, 0, 5, ${root}, 0, ${Buffer.from('note')})`
  await database.owner`INSERT INTO log.staged VALUES (2, 'b', 'example/b')`
  await database.owner`INSERT INTO log.changes VALUES (1, 0, 'successor', 'b')`
  await database.owner`INSERT INTO log.cosignatures VALUES (1, 0, 'w', ${Buffer.from('line')})`
})
afterAll(() => database.drop())

test('the tests name every table of the schema log', async () => {
  const rows = await database.owner`SELECT tablename FROM pg_tables WHERE schemaname = 'log' ORDER BY 1`
  expect(rows.map((row) => row['tablename'])).toEqual(TABLES.toSorted())
})

describe.each(TABLES)('log.%s', (table) => {
  const column = table === 'logs' ? 'public = public' : 'log_id = log_id'

  test.each([
    ['DELETE', `DELETE FROM log.${table}`],
    ['TRUNCATE', `TRUNCATE log.${table} CASCADE`],
    ['UPDATE', `UPDATE log.${table} SET ${column}`],
  ])('refuses %s to a superuser, even as a replica', async (_, statement) => {
    await expect(database.owner.unsafe(statement)).rejects.toMatchObject({ code: REFUSED })
    const asReplica = database.owner.begin(async (sql) => {
      await sql`SET LOCAL session_replication_role = replica`
      await sql.unsafe(statement)
    })
    await expect(asReplica).rejects.toMatchObject({ code: REFUSED })
  })

  test.each([
    ['DELETE', `DELETE FROM log.${table}`],
    ['TRUNCATE', `TRUNCATE log.${table}`],
    ['UPDATE', `UPDATE log.${table} SET ${column}`],
    ['ALTER', `ALTER TABLE log.${table} DISABLE TRIGGER ALL`],
    ['DROP', `DROP TABLE log.${table}`],
  ])('gives the service no right to %s', async (_, statement) => {
    await expect(database.sql.unsafe(statement)).rejects.toMatchObject({ code: NO_PRIVILEGE })
  })
})

test('a head grows, and never shrinks or changes its root at the same size', async () => {
  const next = Buffer.alloc(32, 1)
  await database.sql`UPDATE log.heads SET size = 6, root = ${next} WHERE log_id = 1`
  for (const size of [5, 6]) {
    const rewind = database.owner`UPDATE log.heads SET size = ${size}, root = ${Buffer.alloc(32, 2)} WHERE log_id = 1`
    await expect(rewind).rejects.toMatchObject({ code: REFUSED })
  }
  expect(await database.sql`SELECT size, root FROM log.heads`).toEqual([{ size: 6, root: next }])
})

test('no two roots for one size, ever', async () => {
  const second = database.sql`INSERT INTO log.tree_heads VALUES (1, 5, ${Buffer.alloc(32, 9)})`
  await expect(second).rejects.toMatchObject({ code: '23505' })
})
