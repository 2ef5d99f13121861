// The real processes under load, killed where they stand: what was acknowledged is there, once, at its index.
import { randomInt } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { runningEmbedded, startEmbedded } from '../../src/db/embedded.ts'
import { checkLog } from '../support/check-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { testEngine, testFolder } from '../support/engine.ts'
import { adminKey, type ServiceProcess, startService } from '../support/service.ts'
import { startWriters, type Writers } from '../support/writers.ts'

const WRITERS = 16
const ROUNDS = 10
/** Entries acknowledged between two kills. */
const BETWEEN = 150
let home: ReturnType<typeof testFolder>
let services: ServiceProcess[]
let writers: Writers | undefined

beforeEach(() => {
  home = testFolder()
  chmodSync(home.folder, 0o711) // as root, an embedded Postgres runs as another user, who must be able to enter
  services = []
  writers = undefined
})
afterEach(async () => {
  await Promise.all(services.map((service) => service.kill()))
  await writers?.stop()
  home.remove()
})

async function start(env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const service = await startService(home.folder, env)
  services.push(service)
  return service
}

function write(target: (writer: number) => string): Writers {
  writers = startWriters(WRITERS, target, () => adminKey(home.folder))
  return writers
}

/** Opens the log with a service's folders, verifies everything public and every acknowledgement, and counts the entries. */
async function verify(url: string, acknowledged: ReadonlyMap<string, number>): Promise<number> {
  const engine = testEngine(url, { folder: home.folder })
  const log = await engine.engine.open('default')
  const { size } = await engine.store.head(log.info.id)
  await engine.publish()
  expect(engine.reports).toEqual([])
  expect(log.published().size).toBe(size)
  const { entries } = await checkLog(log) // of a log with deduplication: no entry is there twice
  for (const [entry, index] of acknowledged) {
    expect(Buffer.from(entries[index] ?? []).toString(), `entry ${index}`).toBe(entry)
  }
  expect(new Set(acknowledged.values()).size).toBe(acknowledged.size)
  // What was stored and not acknowledged is an entry that a writer was still sending.
  expect(entries.length - acknowledged.size).toBeLessThanOrEqual(WRITERS)
  await engine.stop()
  return entries.length
}

test(`${ROUNDS} times kill -9 of the service, under ${WRITERS} writers`, async () => {
  const database: TestDatabase = await testDatabase()
  const env = { DATABASE_URL: database.ownerUrl }
  let service = await start(env)
  const load = write(() => service.url)
  for (let round = 0; round < ROUNDS; round++) {
    await load.more(BETWEEN + randomInt(50))
    await service.kill()
    service = await start(env)
  }
  await load.more(BETWEEN)
  await load.stop()
  await service.kill()
  expect(await verify(database.url, load.acknowledged)).toBeGreaterThan(ROUNDS * BETWEEN)
  await database.drop()
})

test(`two services on one log, under ${WRITERS} writers, one or the other killed now and then`, async () => {
  const database: TestDatabase = await testDatabase()
  const env = { DATABASE_URL: database.ownerUrl }
  const pair = [await start(env), await start(env)]
  const load = write((writer) => pair[writer % 2]!.url)
  for (let round = 0; round < 6; round++) {
    await load.more(BETWEEN)
    await pair[round % 2]!.kill()
    await load.more(BETWEEN) // the other one goes on alone
    pair[round % 2] = await start(env)
  }
  await load.more(BETWEEN)
  await load.stop()
  for (const service of pair) await service.kill()
  expect(await verify(database.url, load.acknowledged)).toBeGreaterThan(ROUNDS * BETWEEN)
  await database.drop()
})

test(`${ROUNDS} times kill -9 of Postgres, under ${WRITERS} writers`, async () => {
  const dir = join(home.folder, 'postgres')
  let service = await start({})
  const load = write(() => service.url)
  for (let round = 0; round < ROUNDS; round++) {
    await load.more(BETWEEN)
    if (round % 2 === 0) {
      await killBackend(dir) // Postgres starts anew by itself, and the service goes on
      continue
    }
    const postmaster = (await runningEmbedded(dir))!.pid
    process.kill(postmaster, 'SIGKILL')
    await service.kill() // the whole machine went down
    service = await startPatiently()
  }
  await load.more(BETWEEN)
  await load.stop()
  expect([...load.refused.keys()].filter((status) => status !== 0 && status !== 503)).toEqual([])
  await service.kill()
  const server = await waitForEmbedded(dir)
  expect(await verify(server.url, load.acknowledged)).toBeGreaterThan(ROUNDS * BETWEEN)
  await server.stop()
})

/** One that is writing: a client's transaction is under way, or was just now. */
async function killBackend(dir: string): Promise<void> {
  const running = (await runningEmbedded(dir))!
  const { sql, close } = connect({ url: running.ownerUrl, max: 1 })
  const [backend] = await sql`
    SELECT pid FROM pg_stat_activity WHERE application_name = 'prooflog write' ORDER BY state_change DESC LIMIT 1`
  await close()
  process.kill(Number(backend!['pid']), 'SIGKILL')
}

/** Backends that outlive their server by a moment hold up the next one: try again, as a supervisor would. */
async function startPatiently(): Promise<ServiceProcess> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await start({})
    } catch (error) {
      if (attempt === 10) throw error
      await sleep(300)
    }
  }
}

async function waitForEmbedded(dir: string): ReturnType<typeof startEmbedded> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await startEmbedded({ dir })
    } catch (error) {
      if (attempt === 30) throw error
      await sleep(300)
    }
  }
}
