import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { parseEnvelope } from '../../../src/audit/event/envelope.ts'
import type { Records } from '../../../src/audit/event/types.ts'
import { parseNative } from '../../../src/audit/ingest/native.ts'
import { parseOtlpLogs } from '../../../src/audit/ingest/otlp.ts'
import { createProducerTrust } from '../../../src/audit/ingest/producer-signature.ts'
import { openGeo } from '../../../src/audit/record/geo.ts'
import { createRecorder } from '../../../src/audit/record/recorder.ts'
import { createSealer } from '../../../src/audit/record/sealer.ts'
import type { Ready, Sealer } from '../../../src/audit/record/types.ts'
import { privacyOf } from '../../../src/privacy-of.ts'
import { createSealThreads, type SealThreads } from '../../../src/seal-threads.ts'
import type { SealSetup } from '../../../src/seal-worker.ts'
import { encodeProtobuf } from '../ingest/otlp-encode.ts'
import { ALICE, erase, type Ground, openedFields, type Process, vaultGround } from '../vault/ground.ts'
import { tinyMmdb } from './tiny-mmdb.ts'

let ground: Ground
let process: Process
let setup: SealSetup
let threads: SealThreads
const reports: unknown[] = []
const here: Sealer = {
  seal: (...args) => inProcess.seal(...args),
  forget: () => inProcess.forget(),
}
const sealHere = vi.spyOn(here, 'seal')
let inProcess: Sealer

beforeAll(async () => {
  ground = await vaultGround()
  process = await ground.process()
  const policiesDir = join(ground.folder, 'policies')
  mkdirSync(policiesDir)
  const geoipFile = join(ground.folder, 'city.mmdb')
  writeFileSync(geoipFile, tinyMmdb({ city: { names: { en: 'Lindau' } } }))
  const geo = await openGeo(geoipFile, () => {})
  inProcess = createSealer({ vault: process.vault, policyOf: privacyOf(policiesDir), clock: Date.now, geo })
  setup = {
    databaseUrl: ground.database.url,
    vaultKeyFile: ground.keyFile,
    policiesDir,
    geoipFile,
    producers: PRODUCERS,
  }
  threads = createSealThreads(setup, 1, here, (error) => reports.push(error))
  await threads.open()
})
beforeEach(() => {
  sealHere.mockClear()
})
afterAll(async () => {
  await threads.stop()
  await ground.close()
})

function events(count: number, more: (i: number) => object = () => ({})): object[] {
  return Array.from({ length: count }, (_, i) => ({
    time: '2026-11-25T10:00:00Z',
    action: 'user.login',
    outcome: 'success',
    actor: { id: `user-${i % 7}@example.com`, type: 'user', name: `Person ${i % 7}` },
    src: { ip: `192.0.2.${i % 9}` },
    ...more(i),
  }))
}

function lines(all: readonly object[]): Records {
  const text = all.map((one) => `${JSON.stringify(one)}\n`).join('')
  return parseNative(Buffer.from(text), 'application/x-ndjson').incoming
}

const NATIVE = events(300, (i) => ({
  ...(i % 2 === 0 ? { id: `n${i}` } : {}), // without: an id from the subject's key
  ...(i % 50 === 0 ? { time: '1970-01-01T00:00:00Z' } : {}),
  ...(i % 60 === 1 ? { time: 'yesterday' } : {}), // no event: quarantined
}))
/** Signed by nobody that is believed: the thread has to know whom that is. */
const OTLP = {
  resourceLogs: [
    {
      resource: { attributes: [{ key: 'audit.integrity.algorithm', value: { stringValue: 'HMAC-SHA256' } }] },
      scopeLogs: [
        {
          logRecords: Array.from({ length: 40 }, (_, i) => ({
            timeUnixNano: '1764064800000000000',
            body: { stringValue: `line ${i}` },
            attributes: [
              { key: 'user.id', value: { stringValue: `user-${i}` } },
              { key: 'client.address', value: { stringValue: '81.2.69.160' } },
              { key: 'audit.integrity.value', value: { stringValue: 'AAAA' } },
            ],
          })),
        },
      ],
    },
  ],
}
const PRODUCERS = { batch: { hmac_secret: Buffer.alloc(32, 7).toString('base64') } }

test.each([
  ['lines', () => lines(NATIVE)],
  ['an array', () => parseNative(Buffer.from(JSON.stringify(NATIVE)), 'application/json').incoming],
  ['OTLP', () => parseOtlpLogs(encodeProtobuf(OTLP), 'protobuf', createProducerTrust(PRODUCERS)).incoming],
])('%s: the thread answers what is sealed here', async (_, read) => {
  const there = await threads.seal(ground.log.info, read(), 'app')
  expect(sealHere).not.toHaveBeenCalled()
  const plain = (all: readonly Ready[]): object[] =>
    all.map(({ entry, sidecars, ...one }) => ({
      ...one,
      entry: Buffer.from(entry).toString(),
      // Their bytes differ each time, for their nonces do.
      sidecars: sidecars.map(({ subjectId, sealed, size }) => ({ subjectId, size, length: sealed.length })),
    }))
  expect(plain(there)).toEqual(plain(await inProcess.seal(ground.log.info, read(), 'app')))
})

test('the thread knows whose signatures are believed, and where addresses are', async () => {
  const [sealed] = await threads.seal(
    ground.log.info,
    parseOtlpLogs(encodeProtobuf(OTLP), 'protobuf').incoming,
    'app',
  )
  expect(sealHere).not.toHaveBeenCalled()
  expect(sealed!.flags).toContain('signature_failed')
  expect(parseEnvelope(sealed!.entry)).toMatchObject({
    enriched: ['src.geo'],
    signature: { result: 'failed' },
  })
})

test('what the thread sealed is stored with what belongs to it, and found again', async () => {
  const recorder = createRecorder(threads)
  const receipts = await recorder.record(ground.log, lines(NATIVE), 'app')
  expect(sealHere).not.toHaveBeenCalled()
  expect(receipts.filter(({ quarantine }) => quarantine?.code === 'invalid_event')).toHaveLength(5)
  expect(receipts.filter(({ flags }) => flags.includes('time_past'))).toHaveLength(6)
  const again = await createRecorder(inProcess).record(ground.log, lines(NATIVE), 'app')
  expect(again).toEqual(receipts.map((receipt) => ({ ...receipt, duplicate: true })))
  const [first] = await openedFields(process, ground.log.info.id, receipts)
  expect(first).toMatchObject({ 'actor.name': 'Person 0', 'src.ip': '192.0.2.0' })
})

test('small requests, and records that no thread could read again, are sealed here', async () => {
  await threads.seal(ground.log.info, lines(events(31)), 'app')
  await threads.seal(ground.log.info, [...lines(events(100))], 'app')
  const json = Buffer.from(JSON.stringify(OTLP))
  await threads.seal(ground.log.info, parseOtlpLogs(json, 'json').incoming, 'app')
  expect(sealHere).toHaveBeenCalledTimes(3)
})

test('what would wait too long for its thread is sealed here', async () => {
  const long = lines(events(40, () => ({ message: 'x'.repeat(200_000) })))
  const all = await Promise.all(Array.from({ length: 6 }, () => threads.seal(ground.log.info, long, 'app')))
  expect(all.map(({ length }) => length)).toEqual([40, 40, 40, 40, 40, 40])
  expect(sealHere).toHaveBeenCalledTimes(2) // four of 8 MB are 32 MB, five are more than 32 MiB
})

test('a policy that changes holds in the thread', async () => {
  const file = join(setup.policiesDir, `${ground.log.info.name}.privacy`)
  writeFileSync(file, JSON.stringify({ personal: [], clear: ['src.ip'] }))
  const [sealed] = await threads.seal(ground.log.info, lines(events(40)), 'app')
  rmSync(file)
  expect(sealHere).not.toHaveBeenCalled()
  expect(parseEnvelope(sealed!.entry)['src']).toMatchObject({ ip: '192.0.2.0' })
})

test('after an erasure the thread seals under another key', async () => {
  const recorder = createRecorder(threads)
  const sent = (id: string): Records =>
    lines(events(40, (i) => ({ id: `${id} ${i}`, actor: { id: ALICE.id, type: 'user' } })))
  const [before] = await recorder.record(ground.log, sent('before'), 'app')
  await erase(process, ground.log.info.id)
  const [after] = await recorder.record(ground.log, sent('after'), 'app')
  const fields = await openedFields(process, ground.log.info.id, [before!, after!])
  expect(fields).toEqual([{}, expect.objectContaining({ 'actor.id': ALICE.id })])
})

test('an error says from there what it says here', async () => {
  await ground.database.owner`ALTER TABLE vault.subjects RENAME TO gone`
  try {
    const unknown = lines(events(40, (i) => ({ actor: { id: `new ${i}`, type: 'user' } })))
    const failed = threads.seal(ground.log.info, unknown, 'app')
    await expect(failed).rejects.toMatchObject({
      name: 'AuditError',
      code: 'vault_unavailable',
      cause: expect.stringContaining('vault.subjects'),
    })
    expect(sealHere).not.toHaveBeenCalled()
  } finally {
    await ground.database.owner`ALTER TABLE vault.gone RENAME TO subjects`
  }
})

test('requests go to the thread with the least to do', async () => {
  const two = createSealThreads(setup, 2, here, (error) => reports.push(error))
  await two.open()
  const all = await Promise.all(
    Array.from({ length: 6 }, (_, i) => two.seal(ground.log.info, lines(events(300 + i)), 'app')),
  )
  expect(all.map(({ length }) => length)).toEqual([300, 301, 302, 303, 304, 305])
  expect(sealHere).not.toHaveBeenCalled()
  await two.stop()
})

test('without a thread requests are sealed here; one that ends first does what it was asked', async () => {
  const none = createSealThreads(setup, 0, here, (error) => reports.push(error))
  expect(await none.seal(ground.log.info, lines(events(40)), 'app')).toHaveLength(40)
  const one = createSealThreads(setup, 1, here, (error) => reports.push(error))
  expect(await one.seal(ground.log.info, lines(events(40)), 'app')).toHaveLength(40) // it is not open yet
  expect(sealHere).toHaveBeenCalledTimes(2)
  await one.open()
  const under = Promise.all(
    Array.from({ length: 20 }, () => one.seal(ground.log.info, lines(events(1_000)), 'app')),
  )
  await one.stop()
  expect((await under).map(({ length }) => length)).toEqual(Array.from({ length: 20 }, () => 1_000))
  expect(await one.seal(ground.log.info, lines(events(40)), 'app')).toHaveLength(40)
})

test('a thread that is lost takes no request with it, and another one is begun', async () => {
  const failing: unknown[] = []
  const one = createSealThreads(setup, 1, here, (error) => failing.push(error))
  await one.open()
  const post = vi.spyOn(Worker.prototype, 'postMessage')
  const under = Promise.all(
    [1_000, 40].map((count) => one.seal(ground.log.info, lines(events(count)), 'app')),
  )
  const worker = post.mock.contexts[0] as Worker
  post.mockRestore()
  await worker.terminate()
  expect((await under).map(({ length }) => length)).toEqual([1_000, 40])
  const byAnother = async (): Promise<boolean> => {
    sealHere.mockClear()
    await one.seal(ground.log.info, lines(events(40)), 'app')
    return sealHere.mock.calls.length === 0
  }
  await expect.poll(byAnother).toBe(true)
  await one.stop()
  expect(failing).toEqual([])
})

test('after the end no thread is begun', async () => {
  const begun = vi.fn<() => void>()
  globalThis.process.on('worker', begun)
  const one = createSealThreads(setup, 1, here, (error) => reports.push(error))
  await one.stop()
  expect(await one.seal(ground.log.info, lines(events(40)), 'app')).toHaveLength(40)
  globalThis.process.off('worker', begun)
  expect(begun).not.toHaveBeenCalled()
  expect(sealHere).toHaveBeenCalledOnce()
})

test('a system that gives no thread is reported, and nothing is lost', async () => {
  const failing: unknown[] = []
  const uncloneable = { ...setup, producers: () => {} } // the constructor of the thread throws
  const two = createSealThreads(uncloneable, 2, here, (error) => failing.push(error))
  expect(await two.seal(ground.log.info, lines(events(40)), 'app')).toHaveLength(40)
  expect(failing).toHaveLength(2)
  await expect.poll(() => failing.length).toBeGreaterThanOrEqual(4) // it goes on trying
  await two.stop()
})

test('a thread that cannot open the vault is reported, and nothing is lost', async () => {
  const failing: unknown[] = []
  const closed = { ...setup, vaultKeyFile: join(ground.folder, 'none', 'vault.key') }
  const one = createSealThreads(closed, 1, here, (error) => failing.push(error))
  expect(await one.seal(ground.log.info, lines(events(40)), 'app')).toHaveLength(40)
  await expect.poll(() => failing.length).toBeGreaterThan(0)
  expect(await one.seal(ground.log.info, lines(events(40)), 'app')).toHaveLength(40)
  await one.stop()
  expect(reports).toEqual([])
})
