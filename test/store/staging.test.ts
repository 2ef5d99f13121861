import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { createScan } from '../../src/store/scan.ts'
import { stageLog } from '../../src/store/staging.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'

const PLAN = { name: 'a', origin: 'log.example/a', anew: false }
const LEAF = new Uint8Array(32).fill(1)
let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

test('one process copies at a time, goes on with what is there, and what it copies is no orphan', async () => {
  const first = await stageLog(database.ownerUrl, PLAN)
  await first.add(0, { entries: [new Uint8Array([1])], leafHashes: LEAF }, [])
  await expect(stageLog(database.ownerUrl, PLAN)).rejects.toMatchObject({ code: 'log_changed' })
  const anew = await stageLog(database.ownerUrl, { ...PLAN, anew: true })
  expect(anew.size).toBe(0)
  await anew.close()
  await first.close()
  const resumed = await stageLog(database.ownerUrl, { ...PLAN, origin: 'log.example/b' })
  expect(resumed.size).toBe(0) // another source
  await resumed.close()

  // The same row, of a number that nobody wrote down, is what somebody put there.
  await database.owner`
    INSERT INTO log.entries SELECT 1000, index, leaf_key, leaf_hash, data FROM log.entries`
  const pool = connect({ url: database.url, max: 1 })
  expect(await createScan(pool).orphans()).toEqual([{ logId: 1000, tables: ['entries'] }])
  await pool.close()
})

test('what became a log is not gone on with', async () => {
  const plan = { ...PLAN, name: 'c', origin: 'log.example/c' }
  const staged = await stageLog(database.ownerUrl, plan)
  await staged.add(0, { entries: [new Uint8Array([1])], leafHashes: LEAF }, [])
  const log = { name: 'c', origin: 'here.example/c', public: false, dedup: false, vkeys: [] }
  const info = await staged.reveal(log, { size: 1, root: LEAF })
  expect(info).toMatchObject({ name: 'c', state: 'open', mirrored: false, dedup: false })
  await staged.close()
  const next = await stageLog(database.ownerUrl, plan)
  expect(next.size).toBe(0)
  await expect(next.reveal(log, { size: 0, root: LEAF })).rejects.toMatchObject({ code: 'log_exists' })
  await next.close()
})
