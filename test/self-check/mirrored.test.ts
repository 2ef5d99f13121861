import { afterEach, beforeEach, expect, test } from 'vitest'
import { connect, type Database } from '../../src/db/connect.ts'
import { type CheckReport, checkAll } from '../../src/self-check/check-all.ts'
import { createScan } from '../../src/store/scan.ts'
import { originLog, signedTime, type TestMirror, testMirror, uploadBody } from '../support/mirror.ts'
import type { SignedTree } from '../support/signed-tree.ts'

let log: SignedTree
let mirror: TestMirror
let owner: Database

beforeEach(async () => {
  log = originLog()
  mirror = await testMirror({ logs: [log] })
  owner = connect({ url: mirror.database.ownerUrl, max: 1 })
  for (const [start, end] of [
    [0, 100],
    [100, 600],
    [600, 1200],
  ] as const) {
    await mirror.advance(log, start, end)
    mirror.now += 60_000
    signedTime(mirror, log, end, await mirror.upload(uploadBody(log, { start, end })))
  }
})
afterEach(async () => {
  await owner.close()
  await mirror.remove()
})

function check(): Promise<CheckReport> {
  const keys = { signers: async () => [] }
  const ports = { scan: createScan(owner), guard: mirror.guard, keys }
  return checkAll(ports, { remembered: new Map(), breathe: async () => {} })
}

test('a copy of the log of another service is right as it was stored', async () => {
  const { logs, findings } = await check()
  expect(logs).toEqual([expect.objectContaining({ size: 1200, seq: 2, findings: [] })])
  expect(findings).toEqual([])
})

test('a copy that was changed is named', async () => {
  await owner.sql.unsafe('ALTER TABLE log.entries DISABLE TRIGGER ALL')
  await owner.sql`UPDATE log.entries SET data = 'forged' WHERE index = 1000`
  const { logs } = await check()
  expect(logs[0]!.findings).toEqual([
    expect.objectContaining({ table: 'entries', index: 1000, column: 'data' }),
  ])
})

test('a checkpoint that its keys did not sign is named', async () => {
  await owner.sql.unsafe('ALTER TABLE log.checkpoints DISABLE TRIGGER ALL')
  await owner.sql`UPDATE log.checkpoints SET note = set_byte(note, 150, get_byte(note, 150) # 1) WHERE seq = 1`
  const { logs } = await check()
  expect(logs[0]!.findings).toEqual([
    expect.objectContaining({ table: 'checkpoints', seq: 1, column: 'note' }),
  ])
})
