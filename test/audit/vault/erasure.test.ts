import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseEnvelope } from '../../../src/audit/event/envelope.ts'
import { fieldClass } from '../../../src/audit/vault/erased-fields.ts'
import type { SubjectName } from '../../../src/audit/vault/holds.ts'
import { rangesOf } from '../../../src/audit/vault/ranges.ts'
import { hashLeaf } from '../../../src/core/hash.ts'
import { checkInclusion } from '../../../src/core/verify.ts'
import { publishAll } from '../../support/engine.ts'
import {
  ALICE,
  APPROVER,
  erase,
  type Ground,
  incoming,
  openedFields,
  type Process,
  REQUESTER,
  vaultGround,
} from './ground.ts'

let ground: Ground
let process: Process
let logId: number
beforeEach(async () => {
  ground = await vaultGround()
  process = await ground.process()
  logId = ground.log.info.id
})
afterEach(() => ground.close())

const BOB = { kind: 'actor', id: 'bob' } as const
const byBob = { actor: { id: 'bob', type: 'user' } }

async function entryAt(index: number): Promise<Buffer> {
  const [row] = await ground.database.owner<{ data: Buffer }[]>`
    SELECT data FROM log.entries WHERE log_id = ${logId} AND index = ${index}`
  return row!.data
}

function request(subject: SubjectName = ALICE, by: { id: string; createdBy?: string } = REQUESTER) {
  return process.erasures.request(logId, { subject, basis: 'GDPR 17(1)(b)', ticket: 'T-1', by })
}

test('after an erasure nothing of the subject is left but refs, and the log says what was destroyed', async () => {
  const events = [incoming('1'), incoming('2', byBob), incoming('3', { extra: { 'alice@example.com': 1 } })]
  const receipts = await process.recorder.record(ground.log, events, 'app')
  const ref = await process.vault.refOf(logId, ALICE)
  const done = await erase(process, logId)
  expect(done).toMatchObject({
    state: 'done',
    ref,
    entries: 2,
    ranges: [
      [0, 0],
      [2, 2],
    ],
  })
  expect(done.fields).toEqual(
    expect.arrayContaining(['actor.id', 'actor.name', 'extra', 'message', 'src.ip']),
  )
  const opened = await openedFields(process, logId, receipts)
  expect(opened.map((fields) => Object.keys(fields).length > 0)).toEqual([false, true, false])
  expect(await process.vault.refOf(logId, ALICE)).toBeUndefined()
  const rows = await ground.database.owner`
    SELECT s.lookup, k.wrapped FROM vault.subjects s LEFT JOIN vault.subject_keys k USING (subject_id) WHERE s.ref = ${ref!}`
  expect(rows).toEqual([{ lookup: null, wrapped: null }])
  const envelope = parseEnvelope(await entryAt(done.index!))
  expect(envelope).toMatchObject({
    type: 'erasure',
    erasure: {
      refs: [ref],
      basis: 'GDPR 17(1)(b)',
      ticket: 'T-1',
      requested_by: REQUESTER.id,
      approved_by: APPROVER.id,
      entries: 2,
      ranges: [
        [0, 0],
        [2, 2],
      ],
    },
  })
  expect(JSON.stringify(envelope)).not.toMatch(/alice/i)
})

test('the same event gives another leaf after the erasure, also in a process that remembers the key', async () => {
  const other = await ground.process()
  const [before] = await other.recorder.record(ground.log, [incoming('same'), incoming(undefined)], 'app')
  await erase(process, logId)
  const [after, nameless] = await other.recorder.record(
    ground.log,
    [incoming('same'), incoming(undefined)],
    'app',
  )
  expect(after).toMatchObject({ duplicate: false })
  expect(nameless).toMatchObject({ duplicate: false })
  expect(after!.leafHash).not.toEqual(before!.leafHash)
  expect((await openedFields(other, logId, [after!]))[0]).toMatchObject({ 'actor.name': 'Alice Example' })
})

test('a sidecar that was sealed before the erasure is refused with its entry, and the recorder seals again', async () => {
  await process.recorder.record(ground.log, [incoming('first')], 'app')
  let erased = false
  const slow = await ground.process()
  const seal = slow.vault.seal.bind(slow.vault)
  const vault = Object.assign(slow.vault, {
    seal: async (...args: Parameters<typeof seal>) => {
      const sealed = await seal(...args)
      if (!erased) await erase(process, logId)
      erased = true
      return sealed
    },
  })
  const [receipt] = await slow.recorder.record(ground.log, [incoming('late')], 'app')
  expect(vault).toBe(slow.vault)
  expect((await openedFields(process, logId, [receipt!]))[0]).toMatchObject({ 'actor.name': 'Alice Example' })
  const [head] = await ground.database.owner`SELECT size FROM log.heads WHERE log_id = ${logId}`
  expect(head, 'the first, the erasure, the late one once').toEqual({ size: 3 })
})

test('appends and erasures at the same moment leave no disclosure without its key', async () => {
  const other = await ground.process()
  for (let round = 0; round < 5; round++) {
    await process.recorder.record(ground.log, [incoming(`begin ${round}`)], 'app')
    const appends = [process, other].flatMap(({ recorder }, p) =>
      Array.from({ length: 10 }, (_, i) =>
        recorder.record(ground.log, [incoming(`${round} ${p} ${i}`)], 'app'),
      ),
    )
    await Promise.all([erase(other, logId), ...appends])
  }
  const orphans = await ground.database.owner`
    SELECT FROM vault.disclosures d WHERE NOT EXISTS (SELECT FROM vault.subject_keys k WHERE k.subject_id = d.subject_id)`
  expect(orphans).toHaveLength(0)
  const [entries] = await ground.database.owner`SELECT count(*)::int AS n FROM log.entries`
  expect(entries).toEqual({ n: 5 * (1 + 20 + 1) })
})

test('approved by two at the same moment, it is carried out and said once', async () => {
  await process.recorder.record(ground.log, [incoming('1')], 'app')
  const other = await ground.process()
  const { id } = await request()
  const [a, b] = await Promise.all([
    process.erasures.approve(logId, id, APPROVER),
    other.erasures.approve(logId, id, { id: 'key000000003' }),
  ])
  expect(a).toMatchObject({ state: 'done', entries: 1 })
  expect(b).toEqual(a)
  expect(await process.erasures.approve(logId, id, APPROVER)).toEqual(a)
  const [entries] = await ground.database.owner`SELECT count(*)::int AS n FROM log.entries`
  expect(entries).toEqual({ n: 2 })
})

test('1,000 proofs from before still verify, for the same bytes', async () => {
  const events = Array.from({ length: 1_000 }, (_, i) => incoming(`proof ${i}`, i % 2 === 0 ? {} : byBob))
  const receipts = await process.recorder.record(ground.log, events, 'app')
  await publishAll(ground.engine, ground.log, receipts)
  const { size, root } = ground.log.published()
  const proofs = await Promise.all(receipts.map(({ index }) => ground.log.inclusion(index, size)))
  expect(await erase(process, logId)).toMatchObject({ entries: 500, ranges: expect.any(Array) })
  const entries = await ground.log.entries(0, 1_000)
  const again = await Promise.all(receipts.map(({ index }) => ground.log.inclusion(index, size)))
  for (const [i, entry] of entries.entries()) {
    checkInclusion(i, size, hashLeaf(entry), proofs[i]!.path, root)
    checkInclusion(i, size, receipts[i]!.leafHash, again[i]!.path, root)
  }
})

describe('a crash', () => {
  test('before the destruction is committed leaves everything, and the next run finishes it', async () => {
    const [receipt] = await process.recorder.record(ground.log, [incoming('1')], 'app')
    const crashing = await ground.process({
      forgetDerived: async () => {
        throw new Error('killed')
      },
    })
    const { id } = await request()
    await expect(crashing.erasures.approve(logId, id, APPROVER)).rejects.toMatchObject({
      code: 'vault_unavailable',
    })
    expect((await openedFields(process, logId, [receipt!]))[0]).toMatchObject({
      'actor.name': 'Alice Example',
    })
    expect(await crashing.erasures.get(logId, id)).toMatchObject({ state: 'approved' })
    expect(await crashing.erasures.resume()).toBe(0)
    expect(crashing.reports).toHaveLength(1)
    const seen: unknown[] = []
    const next = await ground.process({
      forgetDerived: async (_, ...rest) => void seen.push(rest),
    })
    expect(await next.erasures.resume()).toBe(1)
    expect(seen).toEqual([[logId, [receipt!.index]]])
    expect(await next.erasures.get(logId, id)).toMatchObject({ state: 'done', decidedBy: APPROVER.id })
    expect(await next.erasures.resume()).toBe(0)
  })

  test.each([true, false])(
    'before the entry is appended, or noted, gives one entry (deduplication: %s)',
    async (dedup) => {
      await ground.close()
      ground = await vaultGround({ dedup })
      process = await ground.process()
      logId = ground.log.info.id
      await process.recorder.record(ground.log, [incoming('1')], 'app')
      const lost = {
        ...ground.log,
        info: ground.log.info,
        append: async (...args: Parameters<typeof ground.log.append>) => {
          await publishAll(ground.engine, ground.log, await ground.log.append(...args))
          throw new Error('killed')
        },
      }
      const crashing = await ground.process({ log: lost })
      const { id } = await request()
      await expect(crashing.erasures.approve(logId, id, APPROVER)).rejects.toMatchObject({
        code: 'vault_unavailable',
      })
      expect(await process.erasures.get(logId, id)).toMatchObject({ state: 'shredded', entries: 1 })
      expect(await process.erasures.resume()).toBe(1)
      expect(await process.erasures.get(logId, id)).toMatchObject({ state: 'done', index: 1 })
      const [head] = await ground.database.owner`SELECT size FROM log.heads WHERE log_id = ${logId}`
      expect(head).toEqual({ size: 2 })
    },
  )
})

describe('who may decide', () => {
  beforeEach(() => process.recorder.record(ground.log, [incoming('1'), incoming('2', byBob)], 'app'))

  test.each([
    ['the one who asked', { id: 'a' }, { id: 'a' }],
    ['with a key that the requester made', { id: 'a' }, { id: 'b', createdBy: 'a' }],
    ['who made the key of the requester', { id: 'a', createdBy: 'b' }, { id: 'b' }],
  ])('not %s', async (_, by, approver) => {
    const { id } = await request(ALICE, by)
    await expect(process.erasures.approve(logId, id, approver)).rejects.toMatchObject({ code: 'same_person' })
    expect(await process.erasures.get(logId, id)).toMatchObject({ state: 'pending', decidedBy: null })
    expect(await process.vault.refOf(logId, ALICE)).toBeDefined()
  })

  test('what was rejected stays so, and a new request is possible', async () => {
    const { id } = await request()
    await expect(request()).rejects.toMatchObject({ code: 'erasure_conflict' })
    expect(await process.erasures.reject(logId, id, APPROVER, 'not the right person')).toMatchObject({
      state: 'rejected',
      decidedBy: APPROVER.id,
      reason: 'not the right person',
    })
    await expect(process.erasures.approve(logId, id, APPROVER)).rejects.toMatchObject({
      code: 'erasure_conflict',
    })
    const { id: second } = await request({ ref: (await process.vault.refOf(logId, ALICE))! })
    await process.erasures.approve(logId, second, APPROVER)
    await expect(process.erasures.reject(logId, second, APPROVER)).rejects.toMatchObject({
      code: 'erasure_conflict',
    })
    expect((await process.erasures.list(logId)).map(({ state }) => state)).toEqual(['rejected', 'done'])
    await expect(request()).rejects.toMatchObject({ code: 'subject_not_found' })
    await expect(process.erasures.get(logId + 1, id)).rejects.toMatchObject({ code: 'erasure_not_found' })
  })

  test('nothing that stays for ever may name the person', async () => {
    const by = REQUESTER
    const naming = process.erasures.request(logId, {
      subject: ALICE,
      basis: 'asked by Alice@Example.com',
      by,
    })
    await expect(naming).rejects.toMatchObject({ code: 'invalid_event' })
  })

  test.each([
    ['the subject', ALICE],
    ['the whole log', undefined],
  ])('nobody while a hold covers %s, not even by hand', async (_, subject) => {
    const hold = await process.holds.place(logId, {
      subject: subject as SubjectName | undefined,
      reason: 'case 7',
      by: 'counsel',
    })
    const { id } = await request()
    await expect(process.erasures.approve(logId, id, APPROVER)).rejects.toMatchObject({
      code: 'subject_held',
      evidence: { hold: hold.id },
    })
    await expect(process.db.sql`DELETE FROM vault.subject_keys`).rejects.toMatchObject({ code: 'PLF02' })
    expect((await process.holds.list(logId)).map((one) => one.releasedAt)).toEqual([null])
    const released = await process.holds.release(logId, hold.id, 'counsel')
    expect(await process.holds.release(logId, hold.id, 'somebody')).toEqual(released)
    expect(await process.erasures.approve(logId, id, APPROVER)).toMatchObject({ state: 'done' })
    await expect(process.holds.release(logId, id, 'counsel')).rejects.toMatchObject({
      code: 'hold_not_found',
    })
  })

  test('a hold that is placed again while it lasts is the one that is there, also when its commit was never answered', async () => {
    const place = (more: object = {}) =>
      process.holds.place(logId, { subject: ALICE, reason: 'case 7', by: 'counsel', ...more })
    const first = await place()
    expect(first.again).toBe(false)
    const together = await Promise.all([place(), place(), place()])
    expect(together).toEqual(Array.from({ length: 3 }, () => ({ ...first, again: true })))
    const others = [{ subject: BOB }, { subject: undefined }, { reason: 'case 8' }, { by: 'another' }]
    for (const other of others) expect(await place(other)).toMatchObject({ again: false })
    expect(await place({ subject: undefined })).toMatchObject({ ref: null, again: true })
    await process.holds.release(logId, first.id, 'counsel')
    expect(await place(), 'after its release').toMatchObject({ again: false, releasedAt: null })
    expect(await process.holds.list(logId)).toHaveLength(2 + others.length)
  })

  test('a hold on somebody else blocks nothing; one that comes after the approval stops what is not done yet', async () => {
    await process.holds.place(logId, { subject: BOB, reason: 'case 8', by: 'counsel' })
    const { id } = await request()
    await ground.database.owner`UPDATE vault.erasures SET state = 'approved' WHERE erasure_id = ${id}`
    const hold = await process.holds.place(logId, { subject: ALICE, reason: 'case 9', by: 'counsel' })
    expect(await process.erasures.resume()).toBe(0)
    expect(process.reports).toEqual([expect.objectContaining({ code: 'subject_held' })])
    await process.holds.release(logId, hold.id, 'counsel')
    expect(await process.erasures.resume()).toBe(1)
    expect(await process.vault.refOf(logId, ALICE)).toBeUndefined()
    await expect(
      process.holds.place(logId, { subject: ALICE, reason: 'late', by: 'c' }),
    ).rejects.toMatchObject({
      code: 'subject_not_found',
    })
  })
})

test('the service can take back no decision, and bring back no subject', async () => {
  await process.recorder.record(ground.log, [incoming('1')], 'app')
  const { id } = await erase(process, logId)
  const { sql } = process.db
  for (const statement of [
    sql`UPDATE vault.erasures SET state = 'pending' WHERE erasure_id = ${id}`,
    sql`UPDATE vault.subjects SET lookup = ${Buffer.alloc(32)}`,
  ])
    await expect(statement).rejects.toMatchObject({ code: '23001' })
  for (const statement of [
    sql`DELETE FROM vault.erasures`,
    sql`DELETE FROM vault.subjects`,
    sql`DELETE FROM vault.holds`,
    sql`DELETE FROM vault.secrets`,
    sql`UPDATE vault.disclosures SET sealed = sealed`,
    sql`UPDATE vault.erasures SET requested_by = 'x'`,
    sql`TRUNCATE vault.disclosures`,
  ])
    await expect(statement).rejects.toMatchObject({ code: '42501' })
})

test('kinds of fields never hold names that senders made up', () => {
  expect(
    ['targets.12.name', 'params', 'params.alice', 'extra.a.b', 'src.geo.city', 'message'].map(fieldClass),
  ).toEqual(['targets.name', 'params', 'params', 'extra', 'src.geo', 'message'])
})

test('ranges cover every index, and are few', () => {
  expect(rangesOf([])).toEqual([])
  expect(rangesOf([1, 2, 3, 7])).toEqual([
    [1, 3],
    [7, 7],
  ])
  const sparse = Array.from({ length: 10_000 }, (_, i) => i * 3)
  const ranges = rangesOf(sparse)
  expect(ranges.length).toBeLessThanOrEqual(256)
  expect(sparse.every((index) => ranges.some(([first, last]) => first <= index && index <= last))).toBe(true)
})

test('what the database could not be told is not repeated in the error, which is logged', async () => {
  const { db, vault, erasures } = await ground.process()
  await vault.close() // or it would listen again, and be closed in the middle of that
  await db.close()
  const error: unknown = await erasures
    .get(ground.log.info.id, 'words-of-a-caller')
    .catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'vault_unavailable', cause: expect.any(Error) })
  expect(inspect(error, { depth: 10 })).not.toContain('words-of-a-caller')
})
