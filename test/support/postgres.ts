// One Postgres for a run of the tests: TEST_DATABASE_URL (an owner that may create databases and roles), or else an embedded
// one that lives for the run. The schema is migrated once, into a template that test/support/database.ts copies.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { connect } from '../../src/db/connect.ts'
import { startEmbedded } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'

export interface TestPostgres {
  readonly ownerUrl: string
  /** Every database of this run has a name that begins so; the template's name is just this. */
  readonly template: string
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: TestPostgres
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer()
  const template = `prooflog_test_${randomBytes(4).toString('hex')}`
  const admin = connect({ url: server.ownerUrl, max: 1 })
  await admin.sql.unsafe(`CREATE DATABASE ${template}`)
  await migrate(databaseUrl(server.ownerUrl, template))
  project.provide('postgres', { ownerUrl: server.ownerUrl, template })
  return async () => {
    const left = await admin.sql`SELECT datname FROM pg_database WHERE starts_with(datname, ${template})`
    for (const row of left)
      await admin.sql.unsafe(`DROP DATABASE IF EXISTS ${String(row['datname'])} WITH (FORCE)`)
    await admin.close()
    await server.stop()
  }
}

export function databaseUrl(url: string, name: string): string {
  const other = new URL(url)
  other.pathname = `/${name}`
  return other.href
}

async function startServer(): Promise<{ ownerUrl: string; stop(): Promise<void> }> {
  const given = process.env['TEST_DATABASE_URL']
  if (given) return { ownerUrl: given, stop: async () => {} }
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-test-'))
  chmodSync(folder, 0o711) // as root, the server runs as another user, who must be able to enter
  const server = await startEmbedded({ dir: join(folder, 'postgres'), fsync: false })
  return {
    ownerUrl: server.ownerUrl,
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
