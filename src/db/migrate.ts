// Brings a database to this program's schema, one process at a time, and refuses a database that is ahead of it.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import { connect } from './connect.ts'

const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))
/** Any constant: all prooflog processes take the same advisory lock. "prooflog" in ASCII would not fit 31 bits; "plog" does. */
const LOCK = 0x706c6f67

export class MigrationError extends Error {
  readonly code = 'database_too_new'
}

/**
 * Applies what is missing of drizzle/, in order, in one transaction, under an advisory lock.
 * @param url a role that may create schemas and roles (the owner, not the service's role)
 * @returns how many migrations were applied
 * @throws MigrationError when the database was migrated by a newer prooflog
 */
export async function migrate(url: string): Promise<number> {
  const { sql, orm, close } = connect({ url, max: 1, name: 'prooflog migrate', statementTimeout: 0 })
  try {
    await sql`SELECT pg_advisory_lock(${LOCK})`
    const before = await appliedCount(sql)
    const known = knownCount()
    if (before > known) {
      throw new MigrationError(
        `the database has ${before} migrations, this program knows ${known}: run the prooflog version that migrated it, or a newer one`,
      )
    }
    if (before === known) return 0 // so a login with the service's rights only may start on a migrated database
    await applyMigrations(orm, { migrationsFolder: FOLDER, migrationsSchema: 'prooflog' })
    // The service's role may see how far the schema is, and nothing else of it.
    await sql`GRANT USAGE ON SCHEMA prooflog TO prooflog_service`
    await sql`GRANT SELECT ON prooflog.__drizzle_migrations TO prooflog_service`
    return known - before
  } finally {
    await close()
  }
}

function knownCount(): number {
  const journal: unknown = JSON.parse(readFileSync(`${FOLDER}/meta/_journal.json`, 'utf8'))
  return (journal as { entries: unknown[] }).entries.length
}

async function appliedCount(sql: ReturnType<typeof connect>['sql']): Promise<number> {
  const [table] = await sql`SELECT to_regclass('prooflog.__drizzle_migrations') IS NOT NULL AS present`
  if (table?.['present'] !== true) return 0
  const [row] = await sql`SELECT count(*)::int AS n FROM prooflog.__drizzle_migrations`
  return Number(row?.['n'] ?? 0)
}
