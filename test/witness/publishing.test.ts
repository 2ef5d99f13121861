// Witnesses and publication together: the engine, its database and its guard, with witnesses that fail as scripted.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { checkPolicy } from '../../src/core/check-policy.ts'
import { parseNote, parseSignatures } from '../../src/core/note.ts'
import { parseProofFile } from '../../src/core/proof-file.ts'
import type { Log } from '../../src/log/types.ts'
import { checkLog } from '../support/check-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { appendTexts, publishAll, testFolder } from '../support/engine.ts'
import { COSIGN, type Scripted, scriptedWitness, type ScriptedWitness } from '../support/scripted-witness.ts'
import { signedTree } from '../support/signed-tree.ts'
import { type TestTimer, testTimer } from '../support/test-timer.ts'
import { servedPolicy, type Witnessed, witnessedEngine, type WitnessedOptions } from '../support/witnessed.ts'

let database: TestDatabase
let home: ReturnType<typeof testFolder>
let timer: TestTimer
let a: ScriptedWitness
let b: ScriptedWitness
let one: Witnessed
let log: Log
let running: Witnessed[]

beforeEach(async () => {
  database = await testDatabase()
  home = testFolder()
  timer = testTimer()
  a = await scriptedWitness('a')
  b = await scriptedWitness('b')
  running = []
  one = start()
  await one.engine.create({ name: 'default' })
  log = await one.engine.open('default')
  one.setPolicy('default', policy(2))
})
afterEach(async () => {
  await Promise.all([a, b].map((witness) => witness.close()))
  for (const engine of running) await engine.stop()
  await database.drop()
  home.remove()
})

function start(options: Partial<WitnessedOptions> = {}): Witnessed {
  const engine = witnessedEngine(database.url, { folder: home.folder, timer, ...options })
  running.push(engine)
  return engine
}

/** The process ends, and another one begins. */
async function reopen(options: Partial<WitnessedOptions> = {}): Promise<void> {
  await one.stop()
  one = start(options)
  log = await one.engine.open('default')
}

/** Publishes an entry with the cosignature of `a`, which is enough; `b` answers when it is released. */
async function holdBack(answer: Scripted | 'cosign'): Promise<() => void> {
  one.setPolicy('default', policy(1))
  await one.engine.start()
  await vi.waitUntil(() => cosignersOf(log.published().note).length === 2, 20_000)
  let release = (): void => {}
  const asked = new Promise<void>((resolve) => {
    b.script = () => {
      resolve()
      return new Promise((held) => (release = () => held(answer)))
    }
  })
  const [appended] = await appendTexts(log, ['one'])
  await log.waitPublished(appended!.index, AbortSignal.timeout(20_000))
  await asked
  return () => release()
}

function policy(count: number): string {
  return `${a.lines}${b.lines}group enough ${count} a b\nquorum enough\n`
}

const fail = () => ({ status: 500 })
const codes = (of = log) => of.status().problems.map(({ code }) => code)
const cosignersOf = (note: Uint8Array) =>
  parseNote(note)
    .signatures.map(({ name }) => name)
    .filter((name) => name !== log.info.origin)
const guardBytes = () =>
  readdirSync(join(home.folder, 'guard'))
    .map((name) => readFileSync(join(home.folder, 'guard', name), 'latin1'))
    .join('')
const checkQuorum = ({ note }: { note: Uint8Array }) => checkPolicy(note, servedPolicy(log))

test('fail closed: without the quorum nothing is published, it is said why, and entries are taken in all the same', async () => {
  b.script = fail
  const appended = await appendTexts(log, ['one'])
  await one.publish()
  expect(log.published().size).toBe(0)
  expect(log.status()).toMatchObject({
    level: 'tamper-detecting',
    quorum: 'missed',
    problems: [
      { code: 'quorum_missed', message: expect.stringMatching(/size 1 .*b: is out of order \(500\)$/) },
    ],
    witnesses: [
      { name: 'a', cosigned: false, failure: undefined },
      { name: 'b', cosigned: false, failure: { reason: 'unavailable' } },
    ],
  })
  const stop = new AbortController()
  const waiting = log.waitPublished(appended[0]!.index, stop.signal)
  await appendTexts(log, ['two', 'three'])
  b.script = COSIGN
  timer.advance(60_000)
  await one.publish()
  expect((await waiting).size).toBe(3)
  checkQuorum(log.published())
  expect(codes()).toEqual([])
  expect(log.status().level).toBe('witnessed')
  await checkLog(log)
})

test('a log that is not registered at its witnesses is a problem that names them, and no alarm', async () => {
  a.script = () => ({ status: 404 })
  await appendTexts(log, ['one'])
  await one.publish()
  expect(log.status().problems[0]?.message).toMatch(
    /a: does not know this log or its key \(404\): register it there/,
  )
  a.script = COSIGN
  timer.advance(60_000)
  await one.publish()
  expect(log.status()).toMatchObject({ level: 'witnessed', problems: [] })
})

test('fail open, by choice: published without the quorum, which the checkpoint, its history and the status say', async () => {
  await reopen({ failOpen: true })
  b.script = fail
  await publishAll(one, log, await appendTexts(log, ['one']))
  expect(log.published().quorum).toBe('missed')
  expect(log.status()).toMatchObject({ level: 'tamper-evident', problems: [], quorum: 'missed' })
  expect(() => checkQuorum(log.published())).toThrow(/quorum/)
  timer.advance(60_000)
  b.script = COSIGN
  await publishAll(one, log, await appendTexts(log, ['two']))
  expect((await log.history(3)).map(({ quorum }) => quorum)).toEqual(['met', 'missed', 'none'])
  expect(log.status()).toMatchObject({ level: 'witnessed' })
})

describe('late cosignatures', () => {
  let release: () => void

  beforeEach(async () => {
    release = await holdBack('cosign')
  })

  test('reach the served checkpoint, its history, proof files and other processes; once', async () => {
    const before = log.published()
    expect(cosignersOf(before.note)).toEqual(['a.example'])
    const other = start()
    const same = await other.engine.open('default')
    expect(cosignersOf(same.published().note)).toEqual(['a.example'])
    await other.engine.start()
    release()
    for (const reader of [log, same]) {
      await expect.poll(() => cosignersOf(reader.published().note)).toEqual(['a.example', 'b.example'])
      expect(reader.published()).toMatchObject({ seq: before.seq, size: 1, quorum: 'met' })
      const [newest] = await reader.history(1)
      expect(cosignersOf(newest!.note)).toEqual(['a.example', 'b.example'])
      const { checkpoint } = parseProofFile(await reader.proofFile(0))
      expect(checkPolicy(checkpoint, servedPolicy(log)).cosigners).toHaveLength(2)
    }
    expect(Buffer.from(log.published().note.subarray(0, before.note.length))).toEqual(
      Buffer.from(before.note),
    )
    await checkLog(log)
  })

  test('that somebody put into the database are not believed', async () => {
    const { seq, note } = log.published()
    const [real] = parseSignatures(await b.cosign(note))
    await one.store.addCosignatures(log.info.id, seq, [
      { ...real!, blob: real!.blob.map((byte) => 255 - byte) },
    ])
    await expect.poll(() => codes()).toEqual(['checkpoint_invalid'])
    expect(cosignersOf(log.published().note)).toEqual(['a.example'])
  })
})

describe('wait for witnesses', () => {
  test('ends with a checkpoint that satisfies the quorum, not with one that does not', async () => {
    await reopen({ failOpen: true })
    expect(log.policy().quorum).toBe(true)
    b.script = fail
    await one.engine.start()
    const [appended] = await appendTexts(log, ['one'])
    const witnessed = log.waitWitnessed(appended!.index, AbortSignal.timeout(20_000))
    expect(await log.waitPublished(appended!.index, AbortSignal.timeout(20_000))).toMatchObject({
      quorum: 'missed',
    })
    b.script = COSIGN
    timer.advance(60_000)
    await appendTexts(log, ['two'])
    expect(await witnessed).toMatchObject({ size: 2, quorum: 'met' })
  })

  test('ends when the missing cosignature comes late', async () => {
    await reopen({ failOpen: true })
    let release = (): void => {}
    b.script = () => new Promise((resolve) => (release = () => resolve('cosign')))
    await one.engine.start()
    const [appended] = await appendTexts(log, ['one'])
    const witnessed = log.waitWitnessed(appended!.index, AbortSignal.timeout(20_000))
    await expect.poll(() => [a.requests.length, b.requests.length, one.outcomes.length]).toEqual([1, 1, 1])
    timer.advance(10_000)
    expect(await log.waitPublished(appended!.index, AbortSignal.timeout(20_000))).toMatchObject({
      quorum: 'missed',
    })
    release()
    expect(await witnessed).toMatchObject({ size: 1, quorum: 'met' })
    expect(log.status()).toMatchObject({ level: 'witnessed', quorum: 'met' })
  })
})

describe('an alarm', () => {
  async function expectHalted(engine: Witnessed, of: Log, why: RegExp): Promise<void> {
    const before = {
      seq: of.published().seq,
      guard: guardBytes(),
      asked: [a.requests.length, b.requests.length],
    }
    await appendTexts(of, [`entry ${Math.random()}`])
    timer.advance(3_600_000)
    await engine.publish()
    expect(of.status()).toMatchObject({ level: 'tamper-detecting', problems: [{ code: 'halted' }] })
    expect(of.status().problems[0]?.message).toMatch(why)
    expect({
      seq: of.published().seq,
      guard: guardBytes(),
      asked: [a.requests.length, b.requests.length],
    }).toEqual(before)
  }

  test('stops signing, in every process and for good; the evidence is kept; entries are taken in', async () => {
    await publishAll(one, log, await appendTexts(log, ['one']))
    b.script = () => ({ status: 409, type: 'text/x.tlog.size', body: '77\n' })
    await appendTexts(log, ['two'])
    await one.publish()
    const why =
      /witness b \(.*\) says that it cosigned size 77 of this log, but the largest that was signed here is 2/
    expect(one.reports.at(-1)?.error).toMatchObject({
      code: 'log_halted',
      message: expect.stringMatching(why),
    })
    expect(one.reports.find(({ error }) => 'evidence' in (error as object))?.error).toMatchObject({
      evidence: { status: 409, note: expect.stringMatching(/\n2\n/) },
    })
    b.script = COSIGN
    await expectHalted(one, log, why)
    const other = start()
    await expectHalted(other, await other.engine.open('default'), why)
  })

  test('that comes after the quorum was met stops what comes next', async () => {
    const release = await holdBack({ status: 409 })
    release()
    await expect.poll(() => codes()).toEqual(['halted'])
    await one.engine.stop()
    await expectHalted(one, log, /409 without the size/)
  })

  test.each(['in time', 'late'])(
    'that comes %s while the guard cannot be told is told later, and until then nothing is signed',
    async (when) => {
      one.faults.arm('guard.halt', 'lost')
      const alarm: Scripted = { status: 409, type: 'text/x.tlog.size', body: '77\n' }
      if (when === 'late') {
        const release = await holdBack(alarm)
        release()
        await vi.waitUntil(() => one.faults.fired > 0, 20_000)
        await one.engine.stop()
      } else {
        one.setPolicy('default', policy(1))
        a.script = () => new Promise((resolve) => setTimeout(() => resolve('cosign'), 300))
        b.script = () => alarm
        await appendTexts(log, ['one'])
        await one.publish()
        a.script = COSIGN
      }
      b.script = COSIGN
      const before = { seq: log.published().seq, guard: guardBytes() }
      await appendTexts(log, ['two'])
      await one.publish()
      expect(log.published().seq).toBe(before.seq)
      expect(guardBytes() === before.guard).toBe(true)
      expect(codes()).toEqual(['halted'])
      one.faults.disarm()
      await one.publish()
      await expectHalted(one, log, /cosigned size 77/)
      await reopen()
      await expectHalted(one, log, /cosigned size 77/)
    },
  )

  test('is not given for a head of our own that was signed and cosigned, but not published', async () => {
    await publishAll(one, log, await appendTexts(log, ['one']))
    await appendTexts(log, ['two', 'three'])
    one.faults.arm('publish', 'lost')
    await one.publish()
    expect([a.sizeOf(log.info.origin), log.published().size]).toEqual([3, 1])
    one.faults.disarm()
    // Another process, which knows nothing of what the witnesses have; and one that signs a smaller head cannot be.
    await reopen()
    await publishAll(one, log, await appendTexts(log, ['four']))
    expect(log.published()).toMatchObject({ size: 4, quorum: 'met' })
    expect(codes()).toEqual([])
  })
})

describe('the policy file', () => {
  test('that cannot be understood stops publication, and the line is named; put right, it goes on', async () => {
    one.setPolicy('default', `${a.lines}\nquorum both\n`)
    await appendTexts(log, ['one'])
    const guard = guardBytes()
    await one.publish()
    expect([log.published().size, guardBytes()]).toEqual([0, guard])
    expect(log.status()).toMatchObject({
      level: 'tamper-detecting',
      problems: [
        { code: 'policy_invalid', message: expect.stringMatching(/default\.policy cannot be used: Line 3 /) },
      ],
    })
    expect(() => log.policy()).toThrow(/Line 3/)
    one.setPolicy('default', policy(2))
    await one.publish()
    expect(log.status()).toMatchObject({ level: 'witnessed', problems: [] })
  })

  test.each([
    ['cut off', () => policy(2).slice(0, -1), /does not end in a newline/],
    ['empty', () => '', /no quorum line/],
    [
      'with a password in an address',
      () => `witness a ${a.vkeys[0]} https://me:hidden@w.example/\nquorum a\n`,
      /holds a user name or password/,
    ],
    ['with a witness that has no address', () => `witness a ${a.vkeys[0]}\nquorum a\n`, /"a" has no address/],
    [
      'with an address that is none',
      () => `witness a ${a.vkeys[0]} ftp://example\nquorum a\n`,
      /"a" has no address/,
    ],
    [
      'with log lines, but not its own',
      () => `log ${signedTree('other').vkeys[0]}\n${policy(2)}`,
      /None of its log lines/,
    ],
  ])('%s is refused', async (_, text, why) => {
    one.setPolicy('default', text())
    await appendTexts(log, ['one'])
    await one.publish()
    expect(log.status().problems).toEqual([{ code: 'policy_invalid', message: expect.stringMatching(why) }])
    expect(log.published().size).toBe(0)
  })

  test('may name the log by its key, among others; every key of the log is in the policy that is served', async () => {
    one.setPolicy('default', `# our log\nlog ${log.info.vkeys[0]} https://log.example\n${policy(2)}`)
    await publishAll(one, log, await appendTexts(log, ['one']))
    expect(servedPolicy(log).logs.map(({ key }) => key.vkey)).toEqual(log.info.vkeys)
    checkQuorum(log.published())
  })

  test('taken away or loosened, it counts at once; tightened, the level falls until it is satisfied', async () => {
    one.setPolicy('default', policy(1))
    b.script = fail
    await publishAll(one, log, await appendTexts(log, ['one']))
    expect(log.status().level).toBe('witnessed')
    one.setPolicy('default', policy(2))
    expect(log.status()).toMatchObject({ level: 'tamper-evident', quorum: 'missed' })
    b.script = COSIGN
    timer.advance(60_000)
    await one.publish()
    expect(log.published()).toMatchObject({ size: 1, quorum: 'met' })
    expect(log.status()).toMatchObject({ level: 'witnessed', quorum: 'met' })
    one.setPolicy('default', undefined)
    expect(log.status()).toMatchObject({ level: 'tamper-evident', quorum: 'none', witnesses: [] })
    expect(log.policy().quorum).toBe(false)
    await publishAll(one, log, await appendTexts(log, ['two']))
    expect(cosignersOf(log.published().note)).toEqual([])
  })
})

test('a silent witness delays its own log alone, and no appends; other logs are published meanwhile', async () => {
  // More logs than may be published at once all wait for a witness; nothing but the test lets their time pass.
  const waiting: Log[] = []
  for (let i = 0; i < 20; i++) {
    await one.engine.create({ name: `slow-${i}` })
    waiting.push(await one.engine.open(`slow-${i}`))
  }
  one.setPolicy('default', undefined)
  b.script = () => new Promise(() => {})
  await one.engine.start()
  for (const { info } of waiting) one.setPolicy(info.name, policy(2))
  for (const slow of waiting) await appendTexts(slow, ['one'])
  await expect.poll(() => b.requests.length).toBe(20)
  for (const text of ['one', 'two', 'three']) {
    const [appended] = await appendTexts(log, [text])
    await log.waitPublished(appended!.index, AbortSignal.timeout(20_000))
    for (const slow of waiting.slice(0, 3)) await appendTexts(slow, [text])
  }
  expect(waiting.map((slow) => slow.published().size)).toEqual(waiting.map(() => 0))
  expect(codes(waiting[0])).toEqual([])
  timer.advance(10_000)
  await expect.poll(() => waiting.flatMap((slow) => codes(slow))).toEqual(waiting.map(() => 'quorum_missed'))
  await vi.waitFor(() => expect(one.outcomes.length).toBeGreaterThanOrEqual(20), 20_000)
})
