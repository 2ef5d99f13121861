import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { hashLeaf } from '../../src/core/hash.ts'
import type { Appended, Log } from '../../src/log/types.ts'
import { checkLog } from '../support/check-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { appendTexts, publishAll, type TestEngine, testEngine, testFolder, texts } from '../support/engine.ts'

const LIMITS = { batchEntries: 300, batchBytes: 200_000, waitingEntries: 1000, waitingBytes: 300_000 }
const { folder, remove } = testFolder()
let database: TestDatabase
let one: TestEngine
let logs = 0

beforeAll(async () => {
  database = await testDatabase()
})
beforeEach(() => {
  one = testEngine(database.url, { folder, limits: LIMITS })
})
afterEach(() => one.stop())
afterAll(async () => {
  await database.drop()
  remove()
})

async function newLog(options: { dedup?: boolean } = {}): Promise<Log> {
  const { name } = await one.engine.create({ name: `log-${logs++}`, ...options })
  return one.engine.open(name)
}

function indexes(appended: readonly Appended[]): number[] {
  return appended.map(({ index }) => index)
}

test('an empty log has a checkpoint, and it verifies', async () => {
  const log = await newLog()
  expect(log.published()).toMatchObject({ seq: 0, size: 0 })
  await checkLog(log)
})

test('entries get indexes in the order in which they came, and their leaf hashes', async () => {
  const log = await newLog()
  const given = texts(20)
  const appended = [
    ...(await appendTexts(log, given.slice(0, 7))),
    ...(await appendTexts(log, given.slice(7))),
  ]
  expect(indexes(appended)).toEqual([...given.keys()])
  expect(appended.map(({ leafHash }) => Buffer.from(leafHash))).toEqual(
    given.map((text) => Buffer.from(hashLeaf(Buffer.from(text)))),
  )
  await publishAll(one, log, appended)
  const { entries } = await checkLog(log)
  expect(entries.map((entry) => Buffer.from(entry).toString())).toEqual(given)
})

test('nothing is appended by an empty list', async () => {
  const log = await newLog()
  expect(await log.append([])).toEqual([])
  await checkLog(log)
})

describe('with deduplication', () => {
  test('the same bytes get the same index, in one call and in later ones', async () => {
    const log = await newLog()
    const first = await appendTexts(log, ['a', 'b', 'a', 'c', 'b'])
    expect(first.map(({ index, duplicate }) => [index, duplicate])).toEqual([
      [0, false],
      [1, false],
      [0, true],
      [2, false],
      [1, true],
    ])
    const again = await appendTexts(log, ['c', 'd', 'a'])
    expect(again.map(({ index, duplicate }) => [index, duplicate])).toEqual([
      [2, true],
      [3, false],
      [0, true],
    ])
    expect(indexes(await appendTexts(log, ['a', 'b', 'c', 'd']))).toEqual([0, 1, 2, 3])
    await publishAll(one, log, again)
    expect((await checkLog(log)).entries.length).toBe(4)
  })

  test('an engine that starts later knows every entry', async () => {
    const log = await newLog()
    const given = texts(700)
    for (let at = 0; at < given.length; at += 100) await appendTexts(log, given.slice(at, at + 100))
    const later = testEngine(database.url, { folder, limits: LIMITS })
    const same = await later.engine.open(log.info.name)
    for (const text of ['entry 0', 'entry 255', 'entry 256', 'entry 699']) {
      expect(await appendTexts(same, [text])).toMatchObject([{ index: given.indexOf(text), duplicate: true }])
    }
    expect(await appendTexts(same, ['new'])).toMatchObject([{ index: 700, duplicate: false }])
    await later.stop()
    await publishAll(one, log, await appendTexts(log, ['new', 'newer']))
    await checkLog(log)
  })

  test('callers that send the same bytes at the same time get the same index', async () => {
    const log = await newLog()
    const other = testEngine(database.url, { folder, limits: LIMITS })
    const same = await other.engine.open(log.info.name)
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => appendTexts(i % 2 === 0 ? log : same, [`entry ${i % 5}`])),
    )
    const byText = answers.map((answer, i) => `${i % 5} at ${answer[0]?.index}`)
    expect(new Set(byText).size).toBe(5)
    expect(answers.flat().filter(({ duplicate }) => !duplicate).length).toBe(5)
    await other.stop()
    await publishAll(one, log, answers.flat())
    expect((await checkLog(log)).entries.length).toBe(5)
  })
})

test('without deduplication the same bytes are new entries, and the look-up finds the first', async () => {
  const log = await newLog({ dedup: false })
  const first = await appendTexts(log, ['a', 'a', 'b'])
  const again = await appendTexts(log, ['a', ...texts(30), 'b'])
  expect([...first, ...again].every(({ duplicate }) => !duplicate)).toBe(true)
  expect(indexes([...first, ...again])).toEqual([...Array(35).keys()])
  await publishAll(one, log, again)
  await checkLog(log)
  expect(await log.indexOf(hashLeaf(Buffer.from('a')))).toBe(0)
  expect(await log.indexOf(hashLeaf(Buffer.from('b')))).toBe(2)
})

describe('sizes', () => {
  test('entries of 0 and of 65,535 bytes are kept as they are', async () => {
    const log = await newLog()
    const largest = Buffer.alloc(65_535, 0xff)
    const appended = await log.append([Buffer.alloc(0), largest, Buffer.alloc(1)])
    expect(indexes(appended)).toEqual([0, 1, 2])
    expect(indexes(await log.append([Buffer.alloc(0)]))).toEqual([0])
    await publishAll(one, log, appended)
    const { entries } = await checkLog(log)
    expect(entries.map(({ length }) => length)).toEqual([0, 65_535, 1])
    expect(Buffer.compare(entries[1]!, largest)).toBe(0)
  })

  test('an entry of 65,536 bytes is refused, with all that came with it', async () => {
    const log = await newLog()
    await expect(log.append([Buffer.from('fine'), Buffer.alloc(65_536)])).rejects.toMatchObject({
      code: 'entry_too_large',
      evidence: { entry: 1, size: 65_536 },
    })
    expect(indexes(await appendTexts(log, ['next']))).toEqual([0])
    await publishAll(one, log, [])
    await checkLog(log)
  })
})

describe('bounds', () => {
  test('beyond the bound calls are refused with queue_full, none that was taken is lost, and later calls work', async () => {
    const log = await newLog()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) => appendTexts(log, texts(100, `call ${i}`))),
    )
    const taken = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    expect(taken.length).toBe(10) // waitingEntries is 1,000
    for (const outcome of outcomes.slice(10)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'queue_full' } })
    }
    expect(log.waiting).toBe(0)
    const later = await appendTexts(log, ['later'])
    expect(indexes([...taken.flat(), ...later])).toEqual([...Array(1001).keys()])
    await publishAll(one, log, later)
    await checkLog(log)
  })

  test('bytes are bounded as entries are', async () => {
    const log = await newLog({ dedup: false })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, () => log.append([Buffer.alloc(60_000)])),
    )
    expect(outcomes.map(({ status }) => status)).toEqual([...Array(5).fill('fulfilled'), 'rejected'])
    expect(outcomes[5]).toMatchObject({ reason: { code: 'queue_full' } })
  })

  test('a call that could never fit is refused as such', async () => {
    const log = await newLog()
    await expect(appendTexts(log, texts(1001))).rejects.toMatchObject({ code: 'batch_too_large' })
    expect(log.waiting).toBe(0)
  })

  test('a call larger than a batch is one commit', async () => {
    const log = await newLog()
    const appended = await appendTexts(log, texts(900))
    expect(indexes(appended)).toEqual([...Array(900).keys()])
    await publishAll(one, log, appended)
    await checkLog(log)
  })
})

describe('tile borders', () => {
  test.each([
    [254, 3],
    [255, 1],
    [255, 2],
    [256, 1],
    [257, 1],
    [0, 257],
    [510, 260],
  ])('%d entries and %d more in one batch', async (before, more) => {
    const log = await newLog()
    for (const [count, prefix] of [
      [before, 'before'],
      [more, 'more'],
      [1, 'last'],
    ] as const) {
      await publishAll(one, log, await appendTexts(log, texts(count, prefix)))
      await checkLog(log)
    }
    expect(log.published().size).toBe(before + more + 1)
  })

  test('single entries, one call each, across the first border', async () => {
    const log = await newLog()
    await appendTexts(log, texts(250))
    for (const text of texts(12, 'single')) await publishAll(one, log, await appendTexts(log, [text]))
    const { history } = await checkLog(log)
    expect(history.length).toBe(13)
  })

  test('65,535 and 65,536 and more: the third level begins', async () => {
    const big = testEngine(database.url, { folder }) // with the bounds of production
    const { name } = await big.engine.create({ name: 'big' })
    const log = await big.engine.open(name)
    for (let at = 0; at < 65_535; at += 13_107) await appendTexts(log, texts(13_107, `part ${at}`))
    await big.publish()
    await appendTexts(log, ['entry 65,535'])
    await big.publish()
    await appendTexts(log, ['entry 65,536'])
    await big.publish()
    await publishAll(big, log, await appendTexts(log, texts(300, 'end')))
    const { history } = await checkLog(log)
    expect(history.map(({ size }) => size)).toEqual([0, 65_535, 65_536, 65_537, 65_837])
    expect((await log.tile(1, 0, 256)).length).toBe(8192)
    expect((await log.tile(2, 0, 1)).length).toBe(32)
    // An engine that starts here rebuilds the edge of three levels.
    const later = testEngine(database.url, { folder })
    const same = await later.engine.open('big')
    expect(indexes(await appendTexts(same, ['part 0 0', 'one more']))).toEqual([0, 65_837])
    await publishAll(big, log, await appendTexts(same, ['part 52428 13106', 'two more']))
    await later.publish() // the other one leads: this one only looks
    expect(same.published().size).toBe(65_839)
    await checkLog(same)
    await later.stop()
    await big.stop()
  })
})

test('two engines that take turns on one log keep one tree', async () => {
  const log = await newLog()
  const other = testEngine(database.url, { folder, limits: LIMITS })
  const same = await other.engine.open(log.info.name)
  let size = 0
  for (const count of [3, 1, 250, 1, 1, 2, 300, 17, 1, 5]) {
    for (const turn of [log, same]) {
      const appended = await appendTexts(turn, texts(count, `at ${size}`))
      expect(indexes(appended)).toEqual(Array.from({ length: count }, (_, i) => size + i))
      size += count
    }
  }
  await other.stop()
  await publishAll(one, log, await appendTexts(log, ['end']))
  await checkLog(log)
})

test('many callers of two engines at once: every receipt is true and there is no gap', async () => {
  const log = await newLog()
  const other = testEngine(database.url, { folder, limits: LIMITS })
  const same = await other.engine.open(log.info.name)
  const receipts: { text: string; index: number }[] = []
  await Promise.all(
    Array.from({ length: 16 }, async (_, writer) => {
      for (let call = 0; call < 8; call++) {
        const given = texts(1 + ((writer * 7 + call * 3) % 40), `writer ${writer} call ${call}`)
        const appended = await appendTexts(writer % 2 === 0 ? log : same, given)
        for (const [i, { index }] of appended.entries()) receipts.push({ text: given[i]!, index })
      }
    }),
  )
  await other.stop()
  await publishAll(one, log, [])
  const { entries } = await checkLog(log)
  expect(entries.length).toBe(receipts.length)
  for (const { text, index } of receipts) expect(Buffer.from(entries[index]!).toString()).toBe(text)
})
