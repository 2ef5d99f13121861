import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openKeys } from '../../src/access/keys.ts'
import { connect } from '../../src/db/connect.ts'
import { startEmbedded } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { testDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

const CREATE = ['key', 'create', 'again', '--scope', 'logs:admin', 'entries:read', '--local']

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prooflog-local-'))
  await chmod(folder, 0o711) // as root, the database runs as another user, who must be able to enter
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function rightsOf(url: string, key: string): Promise<readonly string[]> {
  const database = connect({ url, max: 2 })
  const keys = await openKeys(database)
  try {
    return (await keys.verify(key)).scopes
  } finally {
    await keys.close()
    await database.close()
  }
}

test('who has the database gets a new key without any other, with the rights of the service', async () => {
  const database = await testDatabase()
  try {
    const env = { DATABASE_URL: database.url }
    const { code, out, err } = await runCli(CREATE, { env })
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('shown this once') })
    expect(await rightsOf(database.url, out.trim())).toEqual(['logs:admin', 'entries:read'])

    const bound = await runCli([...CREATE, '--log', 'default', '--expires', '1d', '--json'], { env })
    expect(JSON.parse(bound.out)).toMatchObject({
      name: 'again',
      logs: ['default'],
      expires_at: expect.any(String),
      revoked_at: null,
      key: expect.stringMatching(/^plog_/),
    })
    expect(await runCli([...CREATE, '--expires', '2001-01-01T00:00:00Z'], { env })).toMatchObject({ code: 1 })
  } finally {
    await database.drop()
  }
})

test('a role stands for its scopes, and the events of a key have its source', async () => {
  const database = await testDatabase()
  try {
    const env = { DATABASE_URL: database.url }
    const command = ['key', 'create', 'ci', '--role', 'producer', '--source', 'build', '--local', '--json']
    const { out } = await runCli(command, { env })
    expect(JSON.parse(out)).toMatchObject({
      scopes: ['events:append'],
      source: 'build',
      created_by: null,
      rate_append: null,
    })
    for (const wrong of [['--role', 'root'], [], ['--role', 'dpo', '--scope', 'meta:read']])
      expect(await runCli(['key', 'create', 'ci', ...wrong, '--local'], { env })).toMatchObject({ code: 2 })
    expect(
      await runCli(['key', 'create', 'prooflog', '--role', 'producer', '--local'], { env }),
    ).toMatchObject({
      code: 1,
      err: expect.stringContaining("service's own"),
    })
  } finally {
    await database.drop()
  }
})

test('the database in the data folder is used while its service runs, and when none does', async () => {
  const options = { dir: join(folder, 'postgres'), fsync: false }
  const env = { PROOFLOG_DATA: folder }
  const first = await startEmbedded(options)
  await migrate(first.ownerUrl)
  const running = await runCli(CREATE, { env })
  expect(running.code).toBe(0)
  expect(await rightsOf(first.url, running.out.trim()), 'the server still runs').toContain('logs:admin')
  await first.stop()

  const stopped = await runCli(CREATE, { env })
  expect(stopped.code).toBe(0)
  const again = await startEmbedded(options)
  try {
    expect(await rightsOf(again.url, stopped.out.trim())).toContain('logs:admin')
  } finally {
    await again.stop()
  }
})

test('where there is no database none is made', async () => {
  expect(await runCli(CREATE, { env: { PROOFLOG_DATA: folder } })).toMatchObject({ code: 2, out: '' })
  await expect(stat(join(folder, 'postgres'))).rejects.toMatchObject({ code: 'ENOENT' })
})
