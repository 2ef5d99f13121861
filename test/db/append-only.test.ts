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

describe.each(['witness.logs', 'witness.heads', 'mirror.pending'])('%s', (table) => {
  beforeAll(async () => {
    const root = Buffer.alloc(32)
    await database.owner`INSERT INTO witness.logs VALUES ('example/w', 'key', 'test') ON CONFLICT DO NOTHING`
    await database.owner`INSERT INTO witness.heads VALUES ('example/w', 5, ${root}, 1, ${root}) ON CONFLICT DO NOTHING`
    await database.owner`INSERT INTO mirror.pending VALUES (1, 5, ${root}, ${root}) ON CONFLICT DO NOTHING`
  })

  test.each([`DELETE FROM ${table}`, `TRUNCATE ${table}`])(
    'refuses %s to a superuser, even as a replica, and the service has no right to it',
    async (statement) => {
      const asReplica = database.owner.begin(async (sql) => {
        await sql`SET LOCAL session_replication_role = replica`
        await sql.unsafe(statement)
      })
      await expect(asReplica).rejects.toMatchObject({ code: REFUSED })
      await expect(database.sql.unsafe(statement)).rejects.toMatchObject({ code: NO_PRIVILEGE })
    },
  )
})

test('what a witness cosigned and what a mirror was brought go back for nobody, nor change their root', async () => {
  for (const table of ['witness.heads', 'mirror.pending']) {
    for (const change of ['size = 4', `root = decode(repeat('01', 32), 'hex')`]) {
      await expect(database.sql.unsafe(`UPDATE ${table} SET ${change}`)).rejects.toMatchObject({
        code: REFUSED,
      })
    }
  }
})

test('beyond these the service may only count the age of a witness: no other right in the schemas witness and mirror', async () => {
  const rows = await database.owner`
    SELECT table_schema || '.' || table_name AS name, string_agg(DISTINCT privilege_type, ' ' ORDER BY privilege_type) AS rights
    FROM information_schema.role_column_grants
    WHERE grantee = 'prooflog_service' AND table_schema IN ('witness', 'mirror') GROUP BY 1 ORDER BY 1`
  expect(rows.map(({ name, rights }) => `${name}: ${rights}`)).toEqual([
    'mirror.pending: INSERT SELECT UPDATE',
    'witness.age: SELECT UPDATE',
    'witness.heads: INSERT SELECT UPDATE',
    'witness.logs: INSERT SELECT',
  ])
})
