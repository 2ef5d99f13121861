import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { formatCheckpoint } from '../../src/core/checkpoint.ts'
import { generateSkey } from '../../src/core/keys.ts'
import { formatNote } from '../../src/core/note.ts'
import { localSigner } from '../../src/core/signer.ts'
import { connect } from '../../src/db/connect.ts'
import type { Log } from '../../src/log/types.ts'
import { checkLog } from '../support/check-log.ts'
import { copyDatabase, exchangeDatabases, type TestDatabase, testDatabase } from '../support/database.ts'
import { appendTexts, publishAll, type TestEngine, testEngine, testFolder, texts } from '../support/engine.ts'

const HEARTBEAT = 60_000
const START = Date.UTC(2030, 0, 1)
let database: TestDatabase
let home: ReturnType<typeof testFolder>
let clock: { now: number }
let running: TestEngine[]
let one: TestEngine
let log: Log

beforeAll(async () => {
  database = await testDatabase()
})
beforeEach(async () => {
  home = testFolder()
  clock = { now: START }
  running = []
  one = start(database.url)
  await one.engine.create({ name: `log-${START + Math.floor(performance.now() * 1000)}` })
  const [info] = (await one.engine.list()).toSorted((a, b) => b.id - a.id)
  log = await one.engine.open(info!.name)
})
afterEach(async () => {
  for (const engine of running) await engine.stop()
  home.remove()
})
afterAll(() => database.drop())

/** An engine whose clock advances only when the test says. */
function start(url: string): TestEngine {
  const engine = testEngine(url, { folder: home.folder, clock: () => clock.now, heartbeat: HEARTBEAT })
  running.push(engine)
  return engine
}

/** Appends, lets a second pass, publishes and verifies everything. */
async function grow(count: number, prefix = 'entry'): Promise<void> {
  const appended = await appendTexts(log, texts(count, `${prefix} ${clock.now}`))
  clock.now += 1000
  await publishAll(one, log, appended)
  await checkLog(log)
}

function problems(): string[] {
  return log.status().problems.map(({ code, message }) => `${code}: ${message}`)
}

/** By a process that has not noticed yet what is wrong. */
async function appendElsewhere(url: string, entries: readonly string[]): Promise<void> {
  const elsewhere = start(url)
  await appendTexts(await elsewhere.engine.open(log.info.name), entries)
}

/** Neither signs nor publishes, and says why. */
async function expectHalted(why: RegExp, code = 'log_halted'): Promise<void> {
  const before = { seq: log.published().seq, guard: await guardBytes() }
  await one.publish()
  const report = one.reports.findLast((one) => one.log === log.info.name)
  expect(report?.error).toMatchObject({ code, message: expect.stringMatching(why) })
  expect(problems()).toEqual([expect.stringMatching(/^halted: /)])
  expect(problems()[0]).toMatch(why)
  expect(log.status().level).toBe('tamper-detecting')
  expect({ seq: log.published().seq, guard: await guardBytes() }).toEqual(before)
}

async function expectRecovered(): Promise<void> {
  await one.publish()
  expect(problems()).toEqual([])
  expect(log.status().level).toBe('tamper-evident')
}

function guardFile(): string {
  const folder = join(home.folder, 'guard')
  const [name] = readdirSync(folder)
  return join(folder, name!)
}

async function guardBytes(): Promise<string> {
  return readdirSync(join(home.folder, 'guard'))
    .map((name) => readFileSync(join(home.folder, 'guard', name), 'latin1'))
    .join('')
}

test('growth is published, and nothing is signed while there is nothing new', async () => {
  await grow(3)
  await grow(300)
  expect(log.published()).toMatchObject({ seq: 2, size: 303, signedAt: START + 2000 })
  clock.now += HEARTBEAT
  await one.publish()
  await one.publish()
  expect(log.published()).toMatchObject({ seq: 2 })
})

test('silence is signed: after the heartbeat the same head gets a new signature', async () => {
  await grow(3)
  const before = log.published()
  clock.now += HEARTBEAT + 1
  await one.publish()
  expect(log.published()).toMatchObject({ seq: before.seq + 1, size: 3, signedAt: clock.now })
  expect(Buffer.compare(log.published().root, before.root)).toBe(0)
  await checkLog(log)
})

test('a clock that stands still or goes back signs nothing, and signing goes on once it is right', async () => {
  await grow(3)
  await appendTexts(log, ['more'])
  await expectHalted(/set the clock right/)
  clock.now -= 5000
  await expectHalted(/set the clock right/)
  clock.now += 5001
  await expectRecovered()
  expect(log.published()).toMatchObject({ size: 4 })
  await checkLog(log)
})

test('whoever may only insert rows cannot have a checkpoint of another key believed: neither added nor added and retired', async () => {
  await grow(3)
  const thief = localSigner(generateSkey(log.info.origin, 0x01, randomBytes(32)))
  const service = connect({ url: database.url, role: 'prooflog_service', max: 1 })
  const { id } = log.info
  const head = { size: 2, root: new Uint8Array(32).fill(7) }
  const text = formatCheckpoint({ origin: log.info.origin, ...head, extensions: [] })
  const note = formatNote(text, [await thief.sign(text, 0)])
  await service.sql`INSERT INTO log.changes (log_id, seq, what, value) VALUES (${id}, 0, 'key_added', ${thief.vkey})`
  await service.sql`INSERT INTO log.changes (log_id, seq, what, value) VALUES (${id}, 1, 'key_retired', ${thief.vkey})`
  await service.sql`INSERT INTO log.tree_heads (log_id, size, root) VALUES (${id}, ${head.size}, ${head.root})`
  await service.sql`
    INSERT INTO log.checkpoints (log_id, seq, size, root, signed_at, note)
    VALUES (${id}, ${log.published().seq + 1}, ${head.size}, ${head.root}, ${clock.now + 1}, ${note})`
  await service.close()
  const reader = start(database.url)
  const read = await reader.engine.open(log.info.name)
  expect(() => read.published()).toThrow(expect.objectContaining({ code: 'not_published' }))
  expect(read.status().problems).toMatchObject([{ code: 'checkpoint_invalid' }])
  clock.now += 1000
  await one.publish()
  expect(one.reports.at(-1)?.error).toMatchObject({
    code: 'log_damaged',
    message: expect.stringMatching(/does not verify/),
  })
  expect(log.published().size).toBe(3)
})

describe('the guard', () => {
  test('missing, with checkpoints in the database: nothing is signed until it is back', async () => {
    await grow(3)
    const file = guardFile()
    renameSync(file, `${file}.away`)
    await appendTexts(log, ['more'])
    clock.now += 1000
    await expectHalted(/knows nothing of this log/)
    renameSync(`${file}.away`, file)
    await expectRecovered()
    expect(log.published().size).toBe(4)
    await checkLog(log)
  })

  test('damaged: nothing is signed', async () => {
    await grow(3)
    const good = readFileSync(guardFile())
    await appendTexts(log, ['more'])
    clock.now += 1000
    for (const bad of [
      good.subarray(0, 40),
      Buffer.alloc(0),
      Buffer.from(good.toString('latin1').replace('\n3\n', '\n03\n')),
    ]) {
      writeFileSync(guardFile(), bad)
      await expectHalted(/cannot be understood/)
    }
    writeFileSync(guardFile(), good)
    await expectRecovered()
    expect(log.published().size).toBe(4)
  })

  test('of another root at the same size: nothing is signed', async () => {
    await grow(3)
    const other = await checkpointOfTwin(3)
    const good = readFileSync(guardFile())
    writeFileSync(guardFile(), other)
    clock.now += HEARTBEAT + 1
    await expectHalted(/another root was signed/, 'log_contradicted')
    await expect(appendTexts(log, ['refused'])).rejects.toMatchObject({ code: 'log_contradicted' })
    await appendElsewhere(database.url, ['more'])
    await expectHalted(/no longer extends the checkpoint of size 3/, 'log_contradicted')
    writeFileSync(guardFile(), good)
    await expectRecovered()
    expect((await checkLog(log)).entries.length).toBe(4)
  })

  test('that cannot be written keeps the checkpoint from being published', async () => {
    await grow(3)
    await appendTexts(log, ['more'])
    clock.now += 1000
    one.faults.arm('guard.move', 'lost')
    await one.publish()
    expect(log.published().size).toBe(3)
    expect(problems()).toEqual([expect.stringMatching(/^halted/)])
    one.faults.disarm()
    await expectRecovered()
    expect(log.published().size).toBe(4)
  })
})

/** A checkpoint signed by the log's own keys over other entries: what a thief of the key could make. */
async function checkpointOfTwin(size: number): Promise<Buffer> {
  const other = await testDatabase()
  const elsewhere = testFolder()
  const keys = join(home.folder, 'keys', `${log.info.name}.keys`)
  const twin = testEngine(other.url, { folder: elsewhere.folder, clock: () => clock.now })
  writeFileSync(join(elsewhere.folder, 'keys', `${log.info.name}.keys`), readFileSync(keys))
  await twin.engine.create({ name: log.info.name })
  const same = await twin.engine.open(log.info.name)
  clock.now += 1
  await publishAll(twin, same, await appendTexts(same, texts(size, 'fork')))
  const note = Buffer.from(same.published().note)
  await twin.stop()
  await other.drop()
  elsewhere.remove()
  return note
}

describe('an older copy of the database', () => {
  let own: TestDatabase
  let older: TestDatabase

  /** A log in a database of its own, a copy of which was taken at size 280 of 300. */
  beforeEach(async () => {
    own = await testDatabase()
    one = start(own.url)
    await one.engine.create({ name: 'restored' })
    log = await one.engine.open('restored')
    await grow(280)
    await one.stop()
    older = await copyDatabase(own)
    await use(own)
    await grow(20)
  })
  afterEach(async () => {
    for (const engine of running) await engine.stop()
    await own.drop()
    await older.drop()
  })

  async function use(which: TestDatabase): Promise<void> {
    await one.stop()
    one = start(which.url)
    log = await one.engine.open('restored')
  }

  test('is not signed, even if nothing is due, and the newest one put back is', async () => {
    await use(older)
    await expectHalted(/this is an older copy of the database/, 'log_contradicted')
    await use(own)
    await expectRecovered()
    await grow(5)
    expect(log.published().size).toBe(305)
  })

  test('that was appended to, beyond what was signed, is not signed', async () => {
    await use(older)
    await appendTexts(log, texts(20, 'other'))
    await expectHalted(/another root was signed/, 'log_contradicted')
    await expect(appendTexts(log, ['refused'])).rejects.toMatchObject({ code: 'log_contradicted' })
    await appendElsewhere(older.url, texts(1, 'another'))
    await expectHalted(/no longer extends the checkpoint of size 300/, 'log_contradicted')
    await use(own)
    await expectRecovered()
    await grow(1)
    expect(log.published().size).toBe(301)
  })

  test('under a running service: it halts, and recovers by itself when the newest one is back', async () => {
    await use(own)
    await one.engine.start()
    await exchangeDatabases(own, older)
    await vi.waitFor(() => expect(problems()[0]).toMatch(/takes no entries: .*size 300/), 20_000)
    await expect(appendTexts(log, texts(30, 'lost'))).rejects.toMatchObject({ code: 'log_contradicted' })
    expect(log.published().size).toBe(300)
    await exchangeDatabases(own, older)
    await vi.waitFor(() => expect(problems()).toEqual([]), 20_000)
    // As many as the lost ones: what was read of the other copy must play no part.
    const appended = await appendTexts(log, texts(30, 'kept'))
    expect(appended[0]?.index).toBe(300)
    clock.now += 1000
    await vi.waitFor(() => expect(log.published().size).toBe(330), 20_000)
    await checkLog(await one.engine.open('restored'))
  })
})

describe('a changed database', () => {
  test.each([
    ['a leaf hash at the right edge', `UPDATE log.entries SET leaf_hash = sha256('x') WHERE index = 299`],
    ['the root of the last full tile', `UPDATE log.tiles SET root = sha256('x') WHERE level = 0`],
    ['the root of the head', `UPDATE log.heads SET root = sha256('x')`],
    ['a missing last entry', `DELETE FROM log.entries WHERE index = 299`],
    ['a missing tile', `DELETE FROM log.tiles`],
  ])('%s: nothing is signed', async (_, statement) => {
    await grow(290)
    await appendTexts(log, texts(10, 'due'))
    clock.now += 1000
    await tamper(`${statement}${statement.includes('WHERE') ? ' AND' : ' WHERE'} log_id = ${log.info.id}`)
    await expectHalted(/run prooflog audit/, 'log_damaged')
    expect(log.published().size).toBe(290)
  })

  test('with right edge and head made to agree again, it contradicts what was signed', async () => {
    await grow(3)
    const twin = await one.engine.create({ name: `${log.info.name}-twin` })
    const other = await one.engine.open(twin.name)
    await appendTexts(other, texts(4, 'rewritten'))
    await tamper(`DELETE FROM log.entries WHERE log_id = ${log.info.id}`)
    await tamper(`UPDATE log.entries SET log_id = ${log.info.id} WHERE log_id = ${twin.id}`)
    await tamper(
      `UPDATE log.heads SET (size, root) = (SELECT size, root FROM log.heads WHERE log_id = ${twin.id}) WHERE log_id = ${log.info.id}`,
    )
    clock.now += 1000
    await one.publish()
    const report = one.reports.find((one) => one.log === log.info.name)
    expect(report?.error).toMatchObject({
      code: 'log_contradicted',
      message: expect.stringMatching(/no longer extends the checkpoint of size 3/),
    })
    expect(log.published().size).toBe(3)
  })

  test('a checkpoint that does not verify is a problem of the log', async () => {
    await grow(3)
    await tamper(
      `UPDATE log.checkpoints SET note = overlay(note PLACING '\\x00' FROM 300) WHERE log_id = ${log.info.id}`,
    )
    await one.stop()
    one = start(database.url)
    log = await one.engine.open(log.info.name)
    expect(problems()).toEqual([expect.stringMatching(/^checkpoint_invalid: /)])
  })

  test('a head recorded before with another root is never signed', async () => {
    await grow(3)
    await appendTexts(log, ['more'])
    await database.owner`INSERT INTO log.tree_heads VALUES (${log.info.id}, 4, ${Buffer.alloc(32)})`
    clock.now += 1000
    await expectHalted(/a different root was recorded for size 4/, 'log_contradicted')
    expect(log.published().size).toBe(3)
  })

  /** As a superuser who switches the triggers off would. */
  async function tamper(statement: string): Promise<void> {
    const tables = ['entries', 'tiles', 'heads', 'checkpoints']
    await database.owner.begin(async (sql) => {
      for (const table of tables) await sql.unsafe(`ALTER TABLE log.${table} DISABLE TRIGGER ALL`)
      const { count } = await sql.unsafe(statement)
      for (const table of tables) await sql.unsafe(`ALTER TABLE log.${table} ENABLE TRIGGER ALL`)
      expect(count).toBeGreaterThan(0)
    })
  }
})

describe('status', () => {
  test('says that nobody signs when the keys are elsewhere', async () => {
    const without = testFolder()
    const other = testEngine(database.url, {
      folder: without.folder,
      clock: () => clock.now,
      heartbeat: HEARTBEAT,
    })
    const same = await other.engine.open(log.info.name)
    await appendTexts(same, ['more'])
    await other.publish()
    expect(same.published().size).toBe(0)
    clock.now += HEARTBEAT + 60_001
    expect(same.status()).toMatchObject({ level: 'tamper-detecting', problems: [{ code: 'stale' }] })
    await other.stop()
    without.remove()
  })

  test('refuses keys that are not those of the log', async () => {
    const file = join(home.folder, 'keys', `${log.info.name}.keys`)
    const [ed25519] = readFileSync(file, 'utf8').split('\n')
    writeFileSync(file, `${ed25519}\n`)
    await one.stop()
    one = start(database.url)
    log = await one.engine.open(log.info.name)
    await appendTexts(log, ['more'])
    clock.now += 1000
    await expectHalted(/lack key [0-9a-f]{8}, which signs/)
    expect(log.published().size).toBe(0)
  })
})

describe('waiting for a checkpoint', () => {
  test('ends with the checkpoint that covers the entry', async () => {
    await one.engine.start()
    clock.now += 1000
    const [appended] = await appendTexts(log, ['entry'])
    const published = await log.waitPublished(appended!.index, AbortSignal.timeout(20_000))
    expect(published.size).toBeGreaterThan(appended!.index)
    expect(await log.waitPublished(appended!.index, AbortSignal.abort())).toBe(log.published())
  })

  test('ends with wait_timeout when the caller stops waiting; the entry stays', async () => {
    const [appended] = await appendTexts(log, ['entry'])
    const stop = new AbortController()
    const waiting = log.waitPublished(appended!.index, stop.signal)
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'wait_timeout' })
    await expect(log.waitPublished(appended!.index, AbortSignal.abort())).rejects.toMatchObject({
      code: 'wait_timeout',
    })
    clock.now += 1000
    await publishAll(one, log, [appended!])
    await checkLog(log)
  })

  test('ends when another process publishes', async () => {
    const other = start(database.url)
    await other.engine.start()
    const same = await other.engine.open(log.info.name)
    const [appended] = await appendTexts(same, ['entry'])
    const waiting = same.waitPublished(appended!.index, AbortSignal.timeout(20_000))
    clock.now += 1000
    await one.publish() // it created the log and leads
    expect((await waiting).size).toBe(1)
    await checkLog(same)
  })
})
