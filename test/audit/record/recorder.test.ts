import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseEnvelope } from '../../../src/audit/event/envelope.ts'
import { UnreadableEvent } from '../../../src/audit/event/errors.ts'
import { DEFAULT_PRIVACY } from '../../../src/audit/event/privacy.ts'
import { rawIncoming } from '../../../src/audit/event/read-event.ts'
import { chunksOf } from '../../../src/audit/record/chunks.ts'
import { flagsOf } from '../../../src/audit/record/flags.ts'
import { openGeo } from '../../../src/audit/record/geo.ts'
import { createRecorder } from '../../../src/audit/record/recorder.ts'
import { createSealer } from '../../../src/audit/record/sealer.ts'
import type { Ready } from '../../../src/audit/record/types.ts'
import type { Sealed } from '../../../src/audit/vault/types.ts'
import { LogError } from '../../../src/log/errors.ts'
import { type Ground, incoming, openedFields, type Process, vaultGround } from '../vault/ground.ts'
import { tinyMmdb } from './tiny-mmdb.ts'

let ground: Ground
let process: Process
beforeAll(async () => {
  ground = await vaultGround()
  process = await ground.process()
})
afterAll(() => ground.close())

async function size(): Promise<number> {
  const [row] = await ground.database.owner<{ size: number }[]>`SELECT size FROM log.heads`
  return row!.size
}

async function entryAt(index: number): Promise<Buffer> {
  const [row] = await ground.database.owner<
    { data: Buffer }[]
  >`SELECT data FROM log.entries WHERE index = ${index}`
  return row!.data
}

test('receipts come in the order of the events, in one commit, and preview says the same without storing', async () => {
  const events = [incoming('a'), incoming(undefined), incoming('b'), incoming('a')]
  const before = await size()
  const previewed = await process.recorder.preview(ground.log, events, 'app')
  expect(await size()).toBe(before)
  const receipts = await process.recorder.record(ground.log, events, 'app')
  expect(receipts.map(({ id, leafHash }) => ({ id, leafHash }))).toEqual(previewed)
  expect(receipts.map(({ id }) => id)).toEqual(['a', expect.stringMatching(/^~[\w-]{22}$/), 'b', 'a'])
  expect(receipts.map(({ index, duplicate }) => [index - before, duplicate])).toEqual([
    [0, false],
    [1, false],
    [2, false],
    [0, true],
  ])
  expect(await process.recorder.record(ground.log, [], 'app')).toEqual([])
})

test('a record that is no event is kept, encrypted, and said to be', async () => {
  const raw = rawIncoming(
    Buffer.from('{"user":"alice@example.com",'),
    'native',
    new UnreadableEvent('not_json', 'It is no JSON.'),
  )
  const [receipt, fine] = await process.recorder.record(ground.log, [raw, incoming('beside')], 'app')
  expect(receipt).toMatchObject({
    flags: ['quarantined'],
    quarantine: { code: 'not_json', message: 'It is no JSON.' },
  })
  expect(fine!.flags).toEqual([])
  const entry = await entryAt(receipt!.index)
  expect(parseEnvelope(entry)).toMatchObject({ type: 'raw', reason: 'not_json' })
  expect(entry.includes('alice')).toBe(false)
  expect((await openedFields(process, ground.log.info.id, [receipt!]))[0]).toEqual({
    raw: '{"user":"alice@example.com",',
  })
})

describe('flags say when an event is out of its time, and are not in the leaf', () => {
  const now = Date.parse('2026-11-25T10:00:00Z')
  test.each([
    ['2026-11-24T10:00:00Z', []],
    ['2026-11-24T09:59:59.999999999Z', ['time_past']],
    ['1970-01-01T00:00:00Z', ['time_past']],
    ['2026-11-25T10:05:00Z', []],
    ['2026-11-25T10:05:00.001Z', ['time_future']],
    ['2100-01-01T00:00:00Z', ['time_future']],
  ])('%s: %j', (time, flags) => {
    expect(flagsOf(incoming('x', { time }), now)).toEqual(flags)
  })

  test('a signature that failed', () => {
    const signed = {
      ...incoming('x', { time: '2026-11-25T10:00:00Z' }),
      signature: { result: 'failed', alg: 'ES256' },
    } as const
    expect(flagsOf(signed, now)).toEqual(['signature_failed'])
  })
})

test('a subject that is gone each time is asked for twice, and nothing is stored', async () => {
  const vault = { ...process.vault, forget: vi.fn<() => void>(), seal: vi.fn<Process['vault']['seal']>(gone) }
  async function gone(...args: Parameters<Process['vault']['seal']>): Promise<Sealed[]> {
    const sealed = await process.vault.seal(...args)
    return sealed.map((one, i) =>
      i === 1 ? { ...one, sidecars: one.sidecars.map((s) => ({ ...s, subjectId: 999_999 })) } : one,
    )
  }
  const before = await size()
  const { recorder } = {
    recorder: createRecorder(createSealer({ vault, policyOf: () => DEFAULT_PRIVACY, clock: Date.now })),
  }
  const refused = recorder.record(ground.log, [incoming('g1'), incoming('g2'), incoming('g3')], 'app')
  await expect(refused).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(vault.seal).toHaveBeenCalledTimes(2)
  expect(vault.forget).toHaveBeenCalledOnce()
  expect(await size()).toBe(before)
})

test('other faults are not tried again', async () => {
  const append = vi.fn<typeof ground.log.append>(async () => {
    throw new LogError('queue_full', 'wait')
  })
  const refused = process.recorder.record({ ...ground.log, append }, [incoming('q')], 'app')
  await expect(refused).rejects.toMatchObject({ code: 'queue_full' })
  expect(append).toHaveBeenCalledOnce()
})

test('8,192 events are one commit; what is more, or larger, is several in order', async () => {
  const events = Array.from({ length: 8_193 }, (_, i) =>
    incoming(`many ${i}`, { actor: { id: `m${i % 50}`, type: 'user' } }),
  )
  const append = vi.spyOn(ground.log, 'append')
  const receipts = await process.recorder.record(ground.log, events, 'app')
  expect(append.mock.calls.map(([entries]) => entries.length)).toEqual([8_192, 1])
  append.mockRestore()
  const [first] = receipts
  expect(receipts.every(({ index, id }, i) => index === first!.index + i && id === `many ${i}`)).toBe(true)
  const ready = (bytes: number): Ready =>
    ({ entry: new Uint8Array(1), sidecars: [{ size: bytes }] }) as unknown as Ready
  const sizes = [20, 20, 40, 1, 1].map((mib) => ready(mib * 2 ** 20))
  expect([...chunksOf(sizes)].map((chunk) => chunk.length)).toEqual([1, 1, 1, 2])
})

describe('where an address is', () => {
  test('is looked up, marked as ours, and erased like the rest', async () => {
    const path = join(ground.folder, 'city.mmdb')
    const names = (en: string) => ({ names: { en } })
    writeFileSync(
      path,
      tinyMmdb({ city: names('Lindau'), country: { iso_code: 'DE' }, subdivisions: [names('Bavaria')] }),
    )
    const geo = await openGeo(path, () => {})
    const place = { country: 'DE', region: 'Bavaria', city: 'Lindau' }
    expect(geo('81.2.69.160')).toEqual(place)
    for (const unknown of ['192.0.2.7', 'not an address', '']) expect(geo(unknown)).toBeUndefined()
    const recorder = createRecorder(
      createSealer({
        vault: process.vault,
        policyOf: () => DEFAULT_PRIVACY,
        clock: Date.now,
        geo,
      }),
    )
    const sent = [
      incoming('geo', { src: { ip: '81.2.69.160' } }),
      incoming('sent', { src: { ip: '81.2.69.160', geo: { country: 'FR' } } }),
    ]
    const receipts = await recorder.record(ground.log, sent, 'app')
    const envelopes = await Promise.all(
      receipts.map(async ({ index }) => parseEnvelope(await entryAt(index))),
    )
    expect(envelopes.map((envelope) => envelope['enriched'])).toEqual([['src.geo'], undefined])
    expect(JSON.stringify(envelopes)).not.toMatch(/Lindau|Bavaria|"FR"/)
    const [ours, theirs] = await openedFields(process, ground.log.info.id, receipts)
    expect(JSON.stringify(ours)).toContain('Lindau')
    expect(JSON.stringify(theirs)).not.toContain('Lindau')
  })

  test('is read again when the file changes, and kept while it cannot be used', async () => {
    const path = join(ground.folder, 'changing.mmdb')
    const of = (country: string): Buffer => tinyMmdb({ country: { iso_code: country } })
    writeFileSync(path, of('DE'))
    const report = vi.fn<(error: unknown) => void>()
    const geo = await openGeo(path, report)
    writeFileSync(path, of('FR').subarray(0, 40))
    await expect.poll(() => report.mock.calls.length).toBe(1)
    expect(String(report.mock.calls[0]![0])).toContain('changing.mmdb changed')
    expect(geo('81.2.69.160')).toEqual({ country: 'DE' })
    writeFileSync(path, of('FR'))
    await expect.poll(() => geo('81.2.69.160')).toEqual({ country: 'FR' })
  })

  test('comes from a file that must be there', async () => {
    await expect(openGeo(join(ground.folder, 'none.mmdb'), () => {})).rejects.toThrow('none.mmdb')
  })
})
