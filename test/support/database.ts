// A database of its own for a test file or a test: a copy of the migrated template, some 50 ms.
import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { connect, type Sql } from '../../src/db/connect.ts'
import { databaseUrl } from './postgres.ts'

export interface TestDatabase {
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
  const ownerUrl = databaseUrl(serverUrl, name)
  const url = withRole(ownerUrl)
  const service = connect({ url, max: 4 })
  const owner = connect({ url: ownerUrl, max: 2 })
  return {
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

async function administer(url: string, statement: string): Promise<void> {
  const { sql, close } = connect({ url, max: 1 })
  try {
    await sql.unsafe(statement)
  } finally {
    await close()
  }
}
