import { afterAll, beforeAll, expect, test } from 'vitest'
import type { NoteSignature } from '../../src/core/note.ts'
import type { LogInfo, Published } from '../../src/log/types.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { type TestEngine, testEngine, testFolder } from '../support/engine.ts'

const { folder, remove } = testFolder()
let database: TestDatabase
let one: TestEngine
let log: LogInfo

beforeAll(async () => {
  database = await testDatabase()
  one = testEngine(database.url, { folder })
  log = await one.engine.create({ name: 'late' }) // publishes checkpoint 0
})
afterAll(async () => {
  await one.stop()
  await database.drop()
  remove()
})

test('late cosignatures follow the note, one per key, in the same order for all, and stay with their checkpoint', async () => {
  const { store } = one
  const first = (await store.published(log.id))!
  const second: Published = { ...first, seq: 1, note: Buffer.from('note\n'), quorum: 'missed' }
  await store.publish(log.id, second)
  await store.addCosignatures(log.id, 1, [cosignature('w', 7, 2), cosignature('w', 6, 1)])
  await store.addCosignatures(log.id, 1, [cosignature('w', 7, 9), cosignature('a', 7, 3)])
  await store.addCosignatures(log.id, 1, [])

  const [newest, oldest] = await store.history(log.id, 10, 99)
  expect(Buffer.from(newest!.note).toString()).toBe(
    `note\n${line('a', 7, 3)}${line('w', 6, 1)}${line('w', 7, 2)}`,
  )
  expect([newest!.quorum, oldest!.quorum]).toEqual(['missed', 'none'])
  expect(oldest).toEqual(first)
  expect(await store.publishedPositions()).toEqual([{ logId: log.id, seq: 1, late: 3 }])
})

test('a checkpoint that was not published gets no cosignatures', async () => {
  await expect(one.store.addCosignatures(log.id, 9, [cosignature('a', 7, 3)])).rejects.toMatchObject({
    code: 'store_unavailable',
  })
})

function cosignature(name: string, keyId: number, fill: number): NoteSignature {
  return { name, keyId, blob: new Uint8Array(8).fill(fill) }
}

function line(name: string, keyId: number, fill: number): string {
  const blob = Buffer.concat([Buffer.from([0, 0, 0, keyId]), Buffer.alloc(8, fill)])
  return `— ${name} ${blob.toString('base64')}\n`
}
