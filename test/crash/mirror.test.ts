import { randomInt } from 'node:crypto'
// Origin and mirror as processes of their own, killed at random under load: the copy is always a verified prefix of the log,
// and in the end all of it.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { auditLog } from '../../src/client/index.ts'
import { equalBytes } from '../../src/core/bytes.ts'
import { openNote } from '../../src/core/note.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { connect } from '../../src/db/connect.ts'
import { createPostgresStore } from '../../src/store/store.ts'
import { hashOfOrigin } from '../../src/witness/known-logs.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { testFolder } from '../support/engine.ts'
import { adminKey, type ServiceProcess, startService } from '../support/service.ts'
import { startWriters, type Writers } from '../support/writers.ts'

const ROUNDS = 20
const WRITERS = 16
/** Entries acknowledged between two kills. */
const BETWEEN = 150
const MIRROR = 'mirror.example/m1'

let home: { origin: ReturnType<typeof testFolder>; mirror: ReturnType<typeof testFolder> }
let databases: { origin: TestDatabase; mirror: TestDatabase }
let processes: ServiceProcess[]
let writers: Writers | undefined

beforeEach(async () => {
  home = { origin: testFolder(), mirror: testFolder() }
  for (const { folder } of Object.values(home)) chmodSync(folder, 0o711)
  databases = { origin: await testDatabase(), mirror: await testDatabase() }
  processes = []
  writers = undefined
})
afterEach(async () => {
  await Promise.all(processes.map((one) => one.kill()))
  await writers?.stop()
  for (const database of Object.values(databases)) await database.drop()
  for (const { remove } of Object.values(home)) remove()
})

async function startOrigin(): Promise<ServiceProcess> {
  const service = await startService(home.origin.folder, {
    DATABASE_URL: databases.origin.ownerUrl,
    PROOFLOG_URL: 'http://origin.example',
  })
  processes.push(service)
  return service
}

async function startMirror(port: number, vkeys: readonly string[]): Promise<ServiceProcess> {
  const logs = vkeys.flatMap((vkey) => ['--add-log', vkey])
  const args = ['mirror', '--name', MIRROR, '--data', home.mirror.folder, '--port', String(port), ...logs]
  const service = await startService(home.mirror.folder, { DATABASE_URL: databases.mirror.ownerUrl }, args)
  processes.push(service)
  return service
}

/** What the mirror's database holds is the log up to its size, and what it signed is a part of that. */
async function checkPrefix(): Promise<number> {
  const pools = [databases.mirror, databases.origin].map(({ url }) => connect({ url, max: 2 }))
  const [copy, origin] = pools.map((pool) => createPostgresStore({ write: pool, read: pool, lead: pool }))
  const [info] = await copy!.logs()
  const own = (await origin!.logs()).find(({ name }) => name === 'default')
  try {
    if (info === undefined) return 0
    const signed = await copy!.published(info.id) // before the head: a mirror that lives goes on meanwhile
    const { size } = await copy!.head(info.id)
    const [copied, logged] = [await copy!.entries(info.id, 0, size), await origin!.entries(own!.id, 0, size)]
    expect(copied.findIndex((entry, i) => !equalBytes(entry, logged[i]!))).toBe(-1)
    expect(signed?.size ?? 0).toBeLessThanOrEqual(size)
    return size
  } finally {
    await Promise.all(pools.map((pool) => pool.close()))
  }
}

test(`${ROUNDS} times kill -9 of the mirror or of its origin, under ${WRITERS} writers`, async () => {
  let origin = await startOrigin()
  const about = (await (await fetch(`${origin.url}/logs/default`)).json()) as {
    origin: string
    vkeys: string[]
  }
  let mirror = await startMirror(0, about.vkeys)
  const { vkeys } = (await (await fetch(mirror.url)).json()) as { vkeys: string[] }
  mkdirSync(join(home.origin.folder, 'policies'))
  const file = vkeys.map((vkey) => `mirror ${vkey} ${mirror.url}\n`).join('')
  writeFileSync(join(home.origin.folder, 'policies', 'default.mirrors'), file)

  writers = startWriters(
    WRITERS,
    () => origin.url,
    () => adminKey(home.origin.folder),
  )
  let before = 0
  for (let round = 0; round < ROUNDS; round++) {
    await writers.more(BETWEEN + randomInt(100))
    const killed = randomInt(2) === 0 ? 'mirror' : 'origin'
    await (killed === 'mirror' ? mirror : origin).kill()
    const size = await checkPrefix()
    expect(size).toBeGreaterThanOrEqual(before)
    before = size
    if (killed === 'mirror') mirror = await startMirror(Number(new URL(mirror.url).port), about.vkeys)
    else origin = await startOrigin()
  }
  await writers.stop()
  const size = new Set(writers.acknowledged.values()).size
  const copy = `${mirror.url}/${hashOfOrigin(about.origin)}`
  await expect
    .poll(async () => Number((await (await fetch(`${copy}/checkpoint`)).text()).split('\n')[1]), {
      timeout: 90_000,
      interval: 200,
    })
    .toBeGreaterThanOrEqual(size)
  const report = await auditLog({ url: copy, vkeys: about.vkeys })
  expect(report.head.checkpoint.size).toBeGreaterThanOrEqual(size)
  expect(openNote(report.head.note, vkeys.map(verifierOf)).verified).toHaveLength(2)
  expect(await checkPrefix()).toBe(report.head.checkpoint.size)
  // The origin shows the mirror's signatures on its own checkpoint.
  await expect
    .poll(
      async () =>
        (await (await fetch(`${origin.url}/logs/default/checkpoint`)).text()).includes(`— ${MIRROR} `),
      { timeout: 30_000 },
    )
    .toBe(true)
  expect(mirror.errors()).not.toContain('"level":50')
}, 300_000)
