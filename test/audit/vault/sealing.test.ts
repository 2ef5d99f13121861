import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { internalDraft } from '../../../src/audit/event/draft.ts'
import { parseEnvelope } from '../../../src/audit/event/envelope.ts'
import { digestOf } from '../../../src/audit/vault/plaintext.ts'
import { saltOf } from '../../../src/audit/vault/subject-key.ts'
import { disclosureDigest, formatDisclosure } from '../../../src/core/disclosure.ts'
import { ALICE, type Ground, incoming, openedFields, type Process, vaultGround } from './ground.ts'

let ground: Ground
let process: Process
beforeAll(async () => {
  ground = await vaultGround()
  process = await ground.process()
})
afterAll(() => ground.close())

async function entryAt(index: number): Promise<Buffer> {
  const [row] = await ground.database.owner<{ data: Buffer }[]>`
    SELECT data FROM log.entries WHERE log_id = ${ground.log.info.id} AND index = ${index}`
  return row!.data
}

test('nothing personal is in the entry, and all of it opens again', async () => {
  const [receipt] = await process.recorder.record(ground.log, [incoming('clear')], 'app')
  const entry = await entryAt(receipt!.index)
  for (const value of [ALICE.id, 'Alice', '192.0.2.7', 'came in']) expect(entry.includes(value)).toBe(false)
  const { _sd: digests, refs } = parseEnvelope(entry)
  expect(digests).toEqual(digests!.toSorted())
  expect(refs).toEqual([await process.vault.refOf(ground.log.info.id, ALICE)])
  const [disclosures] = await process.vault.open(ground.log.info.id, [receipt!])
  expect(disclosures!.map(disclosureDigest).toSorted()).toEqual(digests)
  expect(await openedFields(process, ground.log.info.id, [receipt!])).toEqual([
    expect.objectContaining({ 'actor.name': 'Alice Example', message: 'Alice Example came in' }),
  ])
})

test('a retry gives the same leaf in another process, with an id and without', async () => {
  const other = await ground.process()
  for (const id of ['retry', undefined]) {
    const [first] = await process.recorder.record(ground.log, [incoming(id)], 'app')
    const [again] = await other.recorder.record(ground.log, [incoming(id)], 'app')
    expect(again).toEqual({ ...first, duplicate: true })
  }
})

test('processes that meet the same new subjects at the same moment agree on them', async () => {
  const others = await Promise.all(Array.from({ length: 4 }, () => ground.process()))
  const people = Array.from({ length: 200 }, (_, i) => ({ kind: 'actor', id: `crowd ${i}` }) as const)
  const seen = await Promise.all(
    others.map(({ vault }, i) =>
      vault.subjects.keysFor(ground.log.info.id, i % 2 === 0 ? people : people.toReversed()),
    ),
  )
  const refs = seen.map((keys, i) => (i % 2 === 0 ? keys : keys.toReversed()).map(({ ref }) => ref))
  for (const list of refs) expect(list).toEqual(refs[0])
  expect(new Set(refs[0]).size).toBe(200)
})

test('each of several subjects has a row and a key of its own', async () => {
  const targets = [
    { id: 'bob', type: 'user' },
    { id: 'doc-1', type: 'document' },
    { id: 'carol', type: 'user' },
  ]
  const [receipt] = await process.recorder.record(ground.log, [incoming('several', { targets })], 'app')
  const rows = await ground.database
    .owner`SELECT subject_id FROM vault.disclosures WHERE index = ${receipt!.index}`
  expect(rows).toHaveLength(3)
  const { refs } = parseEnvelope(await entryAt(receipt!.index))
  expect(new Set(refs).size).toBe(3)
  expect(await openedFields(process, ground.log.info.id, [receipt!])).toEqual([
    expect.objectContaining({ 'targets.0.id': 'bob', 'targets.2.id': 'carol' }),
  ])
})

test('another source that uses the same id gets other salts: no answer to a guess', async () => {
  const receipts = await Promise.all(
    ['app', 'attacker'].map((source) => process.recorder.record(ground.log, [incoming('oracle')], source)),
  )
  const [own, theirs] = await Promise.all(
    receipts.map(async ([one]) => parseEnvelope(await entryAt(one!.index))._sd!),
  )
  expect(own!.filter((digest) => theirs!.includes(digest))).toEqual([])
})

test('what does not fit an entry is refused naming the limit', async () => {
  const draft = internalDraft('custody', 'huge', 'app', { note: 'x'.repeat(65_535) })
  await expect(process.vault.seal(ground.log.info.id, [draft])).rejects.toMatchObject({
    code: 'event_too_large',
    message: expect.stringMatching(/65,?535/),
  })
})

test('a salt is the first 16 bytes of a hash', () => {
  for (let i = 0; i < 500; i++) {
    const digest = createHash('sha256').update(`secret${i}`).digest()
    expect(saltOf('secret', String(i))).toBe(digest.subarray(0, 16).toString('base64url'))
  }
})

test('digests are those of core', () => {
  const disclosure = formatDisclosure('_26bc4LT-ac6q2KI6cBW5es', 'family_name', 'Möbius')
  expect(digestOf(Buffer.from(disclosure, 'base64url').toString())).toBe(disclosureDigest(disclosure))
  expect(disclosureDigest(disclosure)).toBe('TZjouOTrBKEwUNjNDs9yeMzBoQn8FFLPaJjRRmAtwrM')
})

describe('what was changed in the database is said per entry, and the others still open', () => {
  async function three(id: string) {
    const events = [0, 1, 2].map((i) => incoming(`${id} ${i}`))
    return process.recorder.record(ground.log, events, 'app')
  }
  const read = async (receipts: Awaited<ReturnType<typeof three>>) => {
    const damaged: unknown[] = []
    const opened = await process.vault.open(ground.log.info.id, receipts, (all) =>
      damaged.push(...all.map(({ code, evidence }) => [code, evidence['index']])),
    )
    return { counts: opened.map((one) => one.length), damaged }
  }

  test('a byte', async () => {
    const receipts = await three('byte')
    const { index } = receipts[1]!
    await ground.database.owner`
      UPDATE vault.disclosures SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE index = ${index}`
    const { counts, damaged } = await read(receipts)
    expect(damaged).toEqual([['vault_damaged', index]])
    expect(counts).toEqual([expect.any(Number), 0, counts[0]])
    await expect(process.vault.open(ground.log.info.id, receipts)).rejects.toMatchObject({
      code: 'vault_damaged',
      evidence: { indexes: [index] },
    })
  })

  test('two rows that changed places', async () => {
    const receipts = await three('moved')
    const [first, second] = receipts
    await ground.database.owner`
      UPDATE vault.disclosures a SET sealed = b.sealed FROM vault.disclosures b
      WHERE (a.index, b.index) IN ((${first!.index}::bigint, ${second!.index}::bigint), (${second!.index}::bigint, ${first!.index}::bigint))`
    expect(await read(receipts)).toMatchObject({
      damaged: [
        ['vault_damaged', first!.index],
        ['vault_damaged', second!.index],
      ],
    })
  })

  test('a key that is another one, or gone', async () => {
    const receipts = await three('key')
    await process.recorder.record(
      ground.log,
      [incoming('other', { actor: { id: 'mallory', type: 'user' } })],
      'app',
    )
    const mine = await ground.process()
    const [alice, mallory] = await Promise.all(
      [ALICE.id, 'mallory'].map((id) => mine.vault.subjects.find(ground.log.info.id, { kind: 'actor', id })),
    )
    await ground.database.owner`
      UPDATE vault.subject_keys SET wrapped = (SELECT wrapped FROM vault.subject_keys WHERE subject_id = ${mallory!.subjectId})
      WHERE subject_id = ${alice!.subjectId}`
    const fresh = await ground.process()
    const damaged: unknown[] = []
    await fresh.vault.open(ground.log.info.id, receipts, (all) => damaged.push(...all))
    expect(damaged).toHaveLength(3)
    await expect(fresh.recorder.record(ground.log, [incoming('later')], 'app')).rejects.toMatchObject({
      code: 'vault_damaged',
    })
    await ground.database.owner`DELETE FROM vault.subject_keys WHERE subject_id = ${alice!.subjectId}`
    await expect(fresh.vault.open(ground.log.info.id, receipts)).rejects.toMatchObject({
      code: 'vault_damaged',
    })
  })
})
