// A database of its own for a test file or a test: a copy of the migrated template, some 50 ms.
import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { connect, type Sql } from '../../src/db/connect.ts'
import { databaseUrl } from './postgres.ts'

export interface TestDatabase {
  readonly name: string
  /** As the service connects: with the rights of prooflog_service only. */
  readonly url: string
  /** As the owner, a superuser. */
  readonly ownerUrl: string
  /** A pool on `url`. */
  readonly sql: Sql
  /** A pool on `ownerUrl`. */
  readonly owner: Sql
  /** Closes both pools and drops the database, whoever is still connected. */
  drop(): Promise<void>
}

/** @param schema `empty` for a database that no migration has seen */
export async function testDatabase(schema: 'migrated' | 'empty' = 'migrated'): Promise<TestDatabase> {
  const { ownerUrl: serverUrl, template } = inject('postgres')
  const name = `${template}_${randomBytes(6).toString('hex')}`
  await administer(
    serverUrl,
    `CREATE DATABASE ${name}${schema === 'migrated' ? ` TEMPLATE ${template}` : ''}`,
  )
  return open(serverUrl, name)
}

/** A copy of a database as it is now, as a backup restored beside it would be. Throws out whoever is connected to it. */
export async function copyDatabase({ name }: TestDatabase): Promise<TestDatabase> {
  const { ownerUrl: serverUrl, template } = inject('postgres')
  const copy = `${template}_${randomBytes(6).toString('hex')}`
  await administer(serverUrl, ...closeTo(name), `CREATE DATABASE ${copy} TEMPLATE ${name}`, openTo(name))
  return open(serverUrl, copy)
}

/** Each database gets the name, and so the clients, of the other. */
export async function exchangeDatabases(a: TestDatabase, b: TestDatabase): Promise<void> {
  const between = `${a.name}_x`
  await administer(
    inject('postgres').ownerUrl,
    ...closeTo(a.name),
    ...closeTo(b.name),
    `ALTER DATABASE ${a.name} RENAME TO ${between}`,
    `ALTER DATABASE ${b.name} RENAME TO ${a.name}`,
    `ALTER DATABASE ${between} RENAME TO ${b.name}`,
    openTo(a.name),
    openTo(b.name),
  )
}

/** Two statements: sent as one they would be one transaction, and connections would come in until its end. */
function closeTo(name: string): string[] {
  return [
    `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
    `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '${name}'`,
  ]
}

function openTo(name: string): string {
  return `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`
}

function open(serverUrl: string, name: string): TestDatabase {
  const ownerUrl = databaseUrl(serverUrl, name)
  const url = withRole(ownerUrl)
  const service = connect({ url, max: 4 })
  const owner = connect({ url: ownerUrl, max: 2 })
  return {
    name,
    url,
    ownerUrl,
    sql: service.sql,
    owner: owner.sql,
    async drop() {
      await Promise.all([service.close(), owner.close()])
      await administer(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}

/** The driver sends what it does not know in the query as a setting of the connection. */
function withRole(url: string): string {
  const service = new URL(url)
  service.searchParams.set('role', 'prooflog_service')
  return service.href
}

async function administer(url: string, ...statements: readonly string[]): Promise<void> {
  const { sql, close } = connect({ url, max: 1 })
  try {
    for (const statement of statements) await sql.unsafe(statement)
  } finally {
    await close()
  }
}
