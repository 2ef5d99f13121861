// What the guards are for: the engine, with a folder and a Postgres of its own, when one of them dies, lies or stops it.
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decodeUtf8 } from '../../src/core/bytes.ts'
import { adoptCheckpoint } from '../../src/guard/adopt.ts'
import { guardFolder } from '../../src/guard/file.ts'
import { createGuard, type OperatedGuard } from '../../src/guard/guard.ts'
import type { GuardPlace } from '../../src/guard/place.ts'
import { guardPostgres } from '../../src/guard/postgres.ts'
import { severalGuards } from '../../src/guard/several.ts'
import type { Log, LogInfo } from '../../src/log/types.ts'
import { copyDatabase, testDatabase, type TestDatabase } from '../support/database.ts'
import { appendTexts, testEngine, type TestEngine, testFolder, texts } from '../support/engine.ts'

let home: ReturnType<typeof testFolder>
let database: TestDatabase
let guardDatabase: TestDatabase
let guard: OperatedGuard
let engine: TestEngine
let info: LogInfo
let log: Log

beforeEach(async () => {
  home = testFolder()
  database = await testDatabase()
  guardDatabase = await testDatabase('empty')
  guard = openGuard()
  engine = testEngine(database.url, { folder: home.folder, guard })
  info = await engine.engine.create({ name: 'a' })
  log = await engine.engine.open('a')
  await appendTexts(log, texts(300))
  await engine.publish()
})
afterEach(async () => {
  await engine.stop()
  await guard.close()
  await database.drop()
  await guardDatabase.drop()
  home.remove()
})

function openGuard(url = guardDatabase.ownerUrl): OperatedGuard {
  const places = [guardFolder(join(home.folder, 'guard')), guardPostgres(url)]
  return severalGuards(places.map(createGuard))
}

function place(at: number): GuardPlace {
  return guard.places[at]!
}

async function noteAt(at: number): Promise<string | undefined> {
  const { note } = await place(at).load(info.origin)
  return note && decodeUtf8(new Uint8Array(note))
}

/** What was reported, each once. */
function codes(): string[] {
  return [...new Set(engine.reports.map(({ error }) => (error as { code: string }).code))]
}

/** The same log, with other guards. */
async function restart(other: OperatedGuard, url = database.url): Promise<void> {
  await engine.stop()
  await guard.close()
  guard = other
  engine = testEngine(url, { folder: home.folder, guard })
  log = await engine.engine.open('a')
}

describe('publishing with two guards', () => {
  test('both hold what was published', async () => {
    expect(log.published().size).toBe(300)
    const published = decodeUtf8(log.published().note)
    expect([await noteAt(0), await noteAt(1)]).toEqual([published, published])
    expect(log.status()).toMatchObject({ level: 'tamper-evident', problems: [] })
  })

  test('nothing is signed while one cannot be asked, entries are taken meanwhile, and it goes on by itself', async () => {
    const whole = { ...place(1) }
    Object.assign(place(1), guardPostgres('postgres://x:y@127.0.0.1:1/z'))
    await appendTexts(log, texts(10, 'more'))
    await engine.publish()
    expect(codes()).toEqual(['guard_unavailable'])
    expect(log.published().size).toBe(300)
    expect(log.status()).toMatchObject({ level: 'tamper-detecting', problems: [{ code: 'halted' }] })
    Object.assign(place(1), whole)
    await engine.publish()
    expect(log.published().size).toBe(310)
    expect(log.status()).toMatchObject({ level: 'tamper-evident' })
  })

  test('a move that stopped half-way is made up for, with a proof', async () => {
    const whole = { ...place(1) }
    for (const [dies, agree] of [
      ['before', false],
      ['after', true],
    ] as const) {
      Object.assign(place(1), {
        async swap(...args: Parameters<GuardPlace['swap']>) {
          if (dies === 'after') await whole.swap(...args)
          throw new Error(`died ${dies}`)
        },
      })
      await appendTexts(log, texts(10, dies))
      await engine.publish()
      await engine.publish()
      expect((await noteAt(0)) === (await noteAt(1))).toBe(agree)
      Object.assign(place(1), whole)
    }
    expect(log.published().size).toBe(300)
    await engine.publish()
    expect(log.published().size).toBe(320)
    expect(await noteAt(0)).toBe(await noteAt(1))
  })

  test('an old copy of the database is caught even where one guard was rolled back with it', async () => {
    const older = await copyDatabase(database)
    const before = await noteAt(0)
    await appendTexts(log, texts(100, 'lost'))
    await engine.publish()
    await place(0).put(info.origin, Buffer.from(before!))
    await restart(openGuard(), older.url)
    await appendTexts(log, texts(100, 'another history'))
    await engine.publish()
    expect(codes()).toEqual(['log_halted'])
    expect(log.status().problems[0]!.message).toContain('the guards of log.example/logs/a do not agree')
    await engine.stop()
    await older.drop()
    engine = testEngine(database.url, { folder: home.folder, guard })
  })

  test('a guard that forgot, or that was added later, is given the head by an operator', async () => {
    await guardDatabase.owner`DELETE FROM prooflog_guard.heads`
    await appendTexts(log, texts(10, 'more'))
    await engine.publish()
    expect(codes()).toEqual(['log_halted'])
    const { changed } = await adoptCheckpoint(guard, log.published().note, info.vkeys)
    expect(changed).toEqual([place(1).name])
    await engine.publish()
    expect(log.published().size).toBe(310)
    expect(await noteAt(0)).toBe(await noteAt(1))
  })

  test('an alarm stops every process until it is cleared', async () => {
    await guard.halt(info.origin, 'a witness saw another history')
    const other = testEngine(database.url, { folder: home.folder, guard: openGuard() })
    await appendTexts(log, texts(10, 'more'))
    for (const each of [engine, other]) {
      await each.publish()
      await each.store.unlead(info.id)
    }
    for (const { error } of [...engine.reports, ...other.reports]) {
      expect(error).toMatchObject({
        code: 'log_halted',
        message: expect.stringContaining('a witness saw another history'),
      })
    }
    expect(Math.min(engine.reports.length, other.reports.length)).toBeGreaterThan(0)
    await other.stop()
    expect(log.published().size).toBe(300)
    await guard.clear(info.origin)
    await engine.publish()
    expect(log.published().size).toBe(310)
  })
})
