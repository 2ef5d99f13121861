import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { createGuard } from '../../src/guard/guard.ts'
import type { GuardPlace } from '../../src/guard/place.ts'
import { guardPostgres, serverIdentity } from '../../src/guard/postgres.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { guardContract } from './guard.contract.ts'
import { headOf, ORIGIN } from './heads.ts'

let database: TestDatabase
const opened: GuardPlace[] = []

beforeAll(async () => {
  database = await testDatabase('empty')
})
afterAll(async () => {
  await Promise.all(opened.map((place) => place.close()))
  await database.drop()
})

function open(url = database.ownerUrl, logServer?: () => Promise<string>): GuardPlace {
  const place = guardPostgres(url, logServer)
  opened.push(place)
  return place
}

guardContract('a separate Postgres', async (fresh) => {
  if (fresh) await database.owner`DROP SCHEMA IF EXISTS prooflog_guard CASCADE`
  return open()
})

describe('a guard in Postgres', () => {
  test('makes its table once, whoever comes first, and then needs no right to make any', async () => {
    await database.owner`DROP SCHEMA IF EXISTS prooflog_guard CASCADE`
    await Promise.all(Array.from({ length: 5 }, () => createGuard(open()).read(ORIGIN)))
    await database.owner`GRANT USAGE ON SCHEMA prooflog_guard TO prooflog_service`
    await database.owner`GRANT SELECT, INSERT, UPDATE ON prooflog_guard.heads TO prooflog_service`
    const lowly = createGuard(open(database.url))
    await lowly.move(ORIGIN, undefined, await headOf(3))
    expect(await createGuard(open()).read(ORIGIN)).toMatchObject({ size: 3 })
  })

  test('that cannot be asked answers nothing, and never tells its password', async () => {
    const gone = createGuard(open('postgres://somebody:hidden@127.0.0.1:1/none'))
    const failure: Error = await gone.read(ORIGIN).then(
      () => expect.unreachable(),
      (error: Error) => error,
    )
    expect(failure).toMatchObject({ code: 'guard_unavailable' })
    expect(failure.message).toContain('postgres://127.0.0.1:1/none')
    expect(failure.message).not.toContain('hidden')
  })

  test('on the server of the log itself guards nothing, and says so', async () => {
    // With the rights of the service, as serve asks.
    const log = connect({ url: inject('postgres').ownerUrl, max: 1, role: 'prooflog_service' })
    const guard = createGuard(open(database.ownerUrl, () => serverIdentity(log.sql)))
    await expect(guard.read(ORIGIN)).rejects.toMatchObject({
      code: 'log_halted',
      message: expect.stringContaining('on the server of the log'),
    })
    await log.close()
    const other = createGuard(open(database.ownerUrl, () => Promise.resolve('another')))
    await other.read(ORIGIN)
  })
})
