import { randomBytes } from 'node:crypto'
import { connect } from '../../src/db/connect.ts'
import { createPostgresStore } from '../../src/store/store.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { type StoreUnderTest, testLogStore } from './log-store.contract.ts'

let database: TestDatabase

testLogStore(
  async () => {
    database = await testDatabase()
  },
  openStore,
  () => database.drop(),
)

async function openStore(): Promise<StoreUnderTest> {
  const name = `store ${randomBytes(6).toString('hex')}`
  const open = (part: string, max: number): ReturnType<typeof connect> =>
    connect({ url: database.url, name: `${name} ${part}`, max, role: 'prooflog_service' })
  const pools = { write: open('write', 4), read: open('read', 4), lead: open('lead', 1) }

  async function terminate(part: string): Promise<void> {
    await database.owner`
      SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name LIKE ${`${name} ${part}`}`
  }
  return {
    store: createPostgresStore(pools),
    loseLead: () => terminate('lead'),
    loseAll: () => terminate('%'),
    async close() {
      await Promise.all(Object.values(pools).map((pool) => pool.close()))
    },
  }
}
