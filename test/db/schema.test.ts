import { expect, onTestFinished, test } from 'vitest'
import type { Sql } from '../../src/db/connect.ts'
import { testDatabase } from '../support/database.ts'

test('the migrations make the schema that drizzle/schema.txt shows (npx vitest run test/db/schema.test.ts -u)', async () => {
  const database = await testDatabase()
  onTestFinished(() => database.drop())
  const lines = await describeSchema(database.owner)
  expect(lines.length, 'the guard must see the schema').toBeGreaterThan(20)
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../../drizzle/schema.txt')
})

/** What the service's role may do, from an access control list. */
function granted(acl: string): string {
  return `coalesce((SELECT ' [service: ' || string_agg(privilege_type, ', ' ORDER BY privilege_type) || ']'
    FROM aclexplode(${acl}) WHERE grantee = 'prooflog_service'::regrole), '')`
}

/** One line each, from the catalogs, for everything a migration may make; the same on every Postgres from 15 on. */
async function describeSchema(sql: Sql): Promise<string[]> {
  const rows = await sql.unsafe(String.raw`
    WITH spaces AS (
      SELECT oid, nspname, nspacl FROM pg_namespace
      WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'prooflog', 'public')
    ), tables AS (
      SELECT c.oid, c.relname, c.relacl, c.reloptions, s.nspname || '.' || c.relname AS name
      FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm')
    )
    SELECT 1 AS part, nspname AS owner, 'schema' || ${granted('nspacl')} AS text FROM spaces
    UNION ALL
    SELECT 2, name, 'table' || coalesce(' ' || reloptions::text, '') || ${granted('relacl')} FROM tables
    UNION ALL
    SELECT 3, name, format('column %s %s %s%s%s%s%s', attname, format_type(atttypid, atttypmod), attstorage,
        CASE WHEN attnotnull THEN ' not null' END, CASE attidentity WHEN 'a' THEN ' identity' END,
        ' default ' || pg_get_expr(adbin, adrelid), ${granted('attacl')})
      FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid LEFT JOIN pg_attrdef d ON (adrelid, adnum) = (attrelid, attnum)
      WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT 4, name, 'constraint ' || conname || ' ' || pg_get_constraintdef(c.oid)
      FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid WHERE contype <> 'n'
    UNION ALL
    SELECT 5, name, pg_get_indexdef(indexrelid) FROM tables t JOIN pg_index i ON i.indrelid = t.oid
    UNION ALL
    SELECT 6, name, pg_get_triggerdef(g.oid) || CASE tgenabled WHEN 'A' THEN ' always' ELSE ' ' || tgenabled::text END
      FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT tgisinternal
    UNION ALL
    SELECT 7, nspname || '.' || proname, md5(prosrc) || ${granted('proacl')}
      FROM spaces s JOIN pg_proc p ON p.pronamespace = s.oid
    ORDER BY 2, 1, 3`)
  return rows.map((row) => `${row['owner']}: ${row['text']}`)
}
