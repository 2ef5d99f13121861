import fc from 'fast-check'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { toHex } from '../../src/core/bytes.ts'
import { hashLeaf } from '../../src/core/hash.ts'
import { extendLog } from '../../src/log/extend-log.ts'
import type { LogInfo } from '../../src/log/types.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { type TestEngine, testEngine, testFolder, texts } from '../support/engine.ts'
import { referenceTree } from '../support/reference-tree.ts'

const home = testFolder()
let database: TestDatabase
let one: TestEngine
let created = 0

beforeAll(async () => {
  database = await testDatabase()
  one = testEngine(database.url, { folder: home.folder })
})
afterAll(async () => {
  await one.stop()
  await database.drop()
  home.remove()
})

function newLog(mirrored = false): Promise<LogInfo> {
  const name = `copy-${created++}`
  return one.store.createLog({
    name,
    origin: `origin.example/${name}`,
    public: true,
    dedup: false,
    vkeys: ['vkey'],
    mirrored,
  })
}

test('entries added in any pieces, overlapping ones too, give the tree of the origin', async () => {
  const all = texts(1200).map((text) => Buffer.from(text))
  const tree = referenceTree((index) => hashLeaf(all[index]!))
  const piece = fc.record({ back: fc.nat(300), length: fc.integer({ min: 0, max: 400 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
      const log = await newLog()
      let size = 0
      for (const { back, length } of pieces) {
        const from = Math.max(0, size - back)
        const head = await extendLog(one.store, log.id, from, all.slice(from, from + length))
        size = Math.max(size, Math.min(all.length, from + length))
        expect(head.size).toBe(size)
        expect(toHex(head.root)).toBe(toHex(tree.root(0, size)))
      }
      expect(await one.store.entries(log.id, 0, size)).toEqual(all.slice(0, size))
    }),
    { numRuns: 12 },
  )
})

test('equal entries keep their places: nothing is deduplicated', async () => {
  const log = await newLog()
  const twice = [Buffer.from('same'), Buffer.from('same')]
  expect(await extendLog(one.store, log.id, 0, twice)).toMatchObject({ size: 2 })
  expect(await one.store.entries(log.id, 0, 2)).toEqual(twice)
})

test('a gap is refused and stores nothing', async () => {
  const log = await newLog()
  await extendLog(one.store, log.id, 0, [Buffer.from('first')])
  const gap = extendLog(one.store, log.id, 2, [Buffer.from('third')])
  await expect(gap).rejects.toMatchObject({ code: 'index_out_of_range' })
  expect(await one.store.head(log.id)).toMatchObject({ size: 1 })
})

test('a tree that does not give its head is not built upon', async () => {
  const log = await newLog()
  await extendLog(one.store, log.id, 0, [Buffer.from('first')])
  await database.owner`ALTER TABLE log.entries DISABLE TRIGGER append_only`
  onTestFinished(
    () => void database.owner`ALTER TABLE log.entries ENABLE ALWAYS TRIGGER append_only`.execute(),
  )
  await database.owner`UPDATE log.entries SET leaf_hash = ${Buffer.alloc(32)} WHERE log_id = ${log.id}`
  const second = extendLog(one.store, log.id, 1, [Buffer.from('second')])
  await expect(second).rejects.toMatchObject({ code: 'log_damaged' })
})

test('a copy takes no entries from clients, and is never signed here', async () => {
  const info = await newLog(true)
  await extendLog(one.store, info.id, 0, [Buffer.from('first')])
  const log = await one.engine.open(info.name)
  expect(log.info.mirrored).toBe(true)
  await expect(log.append([Buffer.from('second')])).rejects.toMatchObject({ code: 'log_mirrored' })
  await one.publish()
  expect(await one.store.due(Number.MAX_SAFE_INTEGER)).not.toContain(info.id)
  expect(await one.store.published(info.id)).toBeUndefined()
  expect(one.reports).toEqual([])
})
