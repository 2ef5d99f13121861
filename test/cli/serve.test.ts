import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

const MADE = 'log "default" was created'
const SHOWN = 'shown this once'

let database: TestDatabase
let folder: string

beforeEach(async () => {
  database = await testDatabase('empty')
  folder = await mkdtemp(join(tmpdir(), 'prooflog-serve-'))
})
afterEach(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

/** What a start tells the operator; the service is stopped at once. */
async function start(): Promise<string> {
  const env = {
    DATABASE_URL: database.ownerUrl,
    PROOFLOG_DATA: folder,
    PROOFLOG_LOG_LEVEL: 'silent',
    PORT: '0',
  }
  const { code, err } = await runCli(['serve'], { env })
  expect(code).toBe(0)
  return err
}

test('a start says what it made: log and key, nothing, or the key alone where logs are there already', async () => {
  const first = await start()
  expect(first).toContain(MADE)
  expect(first).toContain(SHOWN)

  const second = await start()
  expect(second).not.toContain(MADE)
  expect(second).not.toContain(SHOWN)

  await database.owner`DELETE FROM access.keys` // as after a restore: logs come back, keys do not
  const restored = await start()
  expect(restored).not.toContain(MADE)
  expect(restored).toContain('had no key')
  expect(restored).toContain(SHOWN)
})
