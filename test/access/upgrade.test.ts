// Keys of a database from before there were roles.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { testDatabase } from '../support/database.ts'

const FOLDER = new URL('../../drizzle/', import.meta.url)
const FILES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.sql'))
  .toSorted()

test('whoever administered logs made keys until now, and does so still; nobody else may more than before', async () => {
  const database = await testDatabase('empty')
  onTestFinished(() => database.drop())
  const run = async (file: string): Promise<void> => {
    for (const statement of readFileSync(new URL(file, FOLDER), 'utf8').split('--> statement-breakpoint'))
      await database.owner.unsafe(statement)
  }
  const roles = FILES.indexOf('0007_roles.sql')
  for (const file of FILES.slice(0, roles)) await run(file)
  const add = (id: string, scopes: string[], revoked: string | null = null) =>
    database.owner`INSERT INTO access.keys (id, name, digest, scopes, revoked_at)
      VALUES (${id.padEnd(12, '0')}, ${id}, sha256('x'), ${scopes}, ${revoked})`
  await add('admin', ['logs:admin', 'entries:read'])
  await add('reader', ['entries:read'])
  await add('revoked', ['logs:admin'], '2026-01-01T00:00:00Z')
  await run('0007_roles.sql')
  const rows = await database.owner`SELECT name, scopes, source, created_by FROM access.keys ORDER BY name`
  expect(rows.map((row) => ({ ...row }))).toEqual([
    { name: 'admin', scopes: ['logs:admin', 'entries:read', 'keys:write'], source: null, created_by: null },
    { name: 'reader', scopes: ['entries:read'], source: null, created_by: null },
    { name: 'revoked', scopes: ['logs:admin'], source: null, created_by: null },
  ])
})
