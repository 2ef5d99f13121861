// When a round of cosigning is over, what comes late, and when the next one makes sense. Time moves when the test says.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkPolicy } from '../../src/core/check-policy.ts'
import { parseNote } from '../../src/core/note.ts'
import { parsePolicy } from '../../src/core/policy.ts'
import type { Cosigned } from '../../src/log/cosigners.ts'
import { cosigning } from '../support/cosigning.ts'
import {
  COSIGN,
  type Script,
  scriptedWitness,
  type ScriptedWitness,
  SILENT,
} from '../support/scripted-witness.ts'
import { signedTree } from '../support/signed-tree.ts'

const tree = signedTree('log.example')
let a: ScriptedWitness
let b: ScriptedWitness
let c: ScriptedWitness
let quorum: string
let client: ReturnType<typeof cosigning>

beforeEach(async () => {
  const three = await Promise.all(['a', 'b', 'c'].map((name) => scriptedWitness(name)))
  ;[a, b, c] = three as [ScriptedWitness, ScriptedWitness, ScriptedWitness]
  quorum = 'group two 2 a b c\nquorum two\n'
  start()
})
afterEach(async () => {
  await client.cosigners.abandon()
  await Promise.all([a, b, c].map((witness) => witness.close()))
})

function start(options: Parameters<typeof cosigning>[2] = {}): void {
  client = cosigning(tree, () => `${a.lines}${b.lines}${c.lines}${quorum}`, options)
}

/** Answers as the protocol says, but not before it is released. */
function held(): { script: Script; release: () => void } {
  let release = (): void => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  return { script: () => released.then(() => 'cosign'), release: () => release() }
}

const readyIn = () => client.cosigners.readyIn(client.log)
const asked = (...witnesses: ScriptedWitness[]) =>
  expect.poll(() => witnesses.map(({ requests }) => requests.length)).not.toContain(0)
const cosignersOf = ({ note }: Cosigned) =>
  checkPolicy(note, parsePolicy(`log ${tree.vkeys[0]}\n${a.lines}${b.lines}${c.lines}quorum none\n`))
    .cosigners.map(({ name }) => name)
    .toSorted()

test('a round is over as soon as the quorum is met; what comes later is handed on', async () => {
  const slow = held()
  c.script = slow.script
  const cosigned = await client.collect(3)
  expect(cosigned.quorum).toBe('met')
  expect(cosignersOf(cosigned)).toEqual(['a', 'b'])
  expect(client.told.late).toEqual([])
  await asked(c)
  slow.release()
  await expect.poll(() => client.told.late.map(({ name }) => name)).toEqual(['c.example'])
})

test('a quorum of none waits for nobody, and gets cosignatures late', async () => {
  quorum = 'quorum none\n'
  const { note, quorum: met } = await client.collect(3)
  expect(met).toBe('none')
  expect(parseNote(note).signatures).toHaveLength(1)
  await expect.poll(() => client.told.late.length).toBe(3)
})

test('a round is over when all have answered, before the deadline', async () => {
  a.script = () => ({ status: 500 })
  b.script = () => ({ status: 404 })
  await expect(client.collect(3)).rejects.toMatchObject({
    code: 'quorum_missed',
    message: expect.stringMatching(/quorum "two": a: is out of order \(500\); b: does not know this log/),
  })
  expect(client.timer.pending).toBe(0)
})

test('a silent witness ends the round at the deadline, and not before', async () => {
  a.script = SILENT
  b.script = SILENT
  let over = false
  const round = client.collect(3).finally(() => (over = true))
  await asked(a, b, c)
  client.timer.advance(999)
  expect(over).toBe(false)
  client.timer.advance(1)
  await expect(round).rejects.toMatchObject({
    message: expect.stringMatching(/a: did not answer within 1000 ms; b: did not answer within 1000 ms$/),
    evidence: { missing: ['a', 'b'] },
  })
})

test('published without the quorum, if that was chosen, and said so', async () => {
  start({ failOpen: true })
  a.script = SILENT
  b.script = () => ({ status: 500 })
  const round = client.collect(3)
  await asked(a, b, c)
  await expect.poll(() => client.told.outcomes.length).toBe(2)
  client.timer.advance(1_000)
  const cosigned = await round
  expect(cosigned.quorum).toBe('missed')
  expect(cosignersOf(cosigned)).toEqual(['c'])
  expect(readyIn()).toBeLessThan(1_000)
})

test('a witness that was too slow for a round is not waited for in the next one, until it has answered', async () => {
  const slow = held()
  a.script = slow.script
  c.script = SILENT
  const first = client.collect(3)
  await asked(a, b, c)
  await expect.poll(() => client.told.outcomes.length).toBe(1)
  client.timer.advance(1_000)
  await expect(first).rejects.toMatchObject({ code: 'quorum_missed' })
  // Only b could cosign now.
  expect(readyIn()).toBeGreaterThan(1_000)
  await expect(client.collect(4)).rejects.toMatchObject({ code: 'quorum_missed' })
  expect([a, b, c].map(({ requests }) => requests.length)).toEqual([1, 2, 1])
  slow.release()
  await expect.poll(() => client.told.late.length).toBe(1)
  client.timer.advance(2_000)
  expect(readyIn()).toBe(0)
  expect((await client.collect(5)).quorum).toBe('met')
})

test('a request is given up some time after the deadline', async () => {
  c.script = SILENT
  await client.collect(3)
  await asked(c)
  client.timer.advance(11_000)
  await expect.poll(() => client.told.outcomes).toContainEqual({ witness: 'c', failure: 'timeout' })
})

describe('the next round', () => {
  test('leaves a failing witness alone, each time for longer, but no longer than a minute', async () => {
    a.script = () => ({ status: 500 })
    b.script = () => ({ status: 500 })
    const pauses: number[] = []
    for (let round = 0; round < 8; round++) {
      await expect(client.collect(3)).rejects.toMatchObject({ code: 'quorum_missed' })
      pauses.push(readyIn())
      client.timer.advance(readyIn())
    }
    expect(pauses.map((ms) => Math.round(ms / 1000))).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
    expect(a.requests).toHaveLength(8)
    a.script = COSIGN
    expect((await client.collect(3)).quorum).toBe('met')
  })

  test('does not ask a witness before it may, and says why it gave nothing', async () => {
    a.script = () => ({ status: 500 })
    b.script = () => ({ status: 500 })
    await expect(client.collect(3)).rejects.toMatchObject({ code: 'quorum_missed' })
    await expect(client.collect(3)).rejects.toMatchObject({
      message: expect.stringMatching(/a: is out of order/),
    })
    expect([a, b, c].map(({ requests }) => requests.length)).toEqual([1, 1, 2])
  })

  test('is put off as long as a witness asks for, within reason', async () => {
    b.script = () => ({ status: 500 })
    a.script = () => ({ status: 429, headers: { 'retry-after': '90' } })
    c.script = a.script
    await expect(client.collect(3)).rejects.toMatchObject({ code: 'quorum_missed' })
    expect(readyIn()).toBe(90_000)
    client.timer.advance(90_000)
    a.script = () => ({ status: 503, headers: { 'retry-after': '999999' } })
    c.script = a.script
    await expect(client.collect(3)).rejects.toMatchObject({ code: 'quorum_missed' })
    expect(readyIn()).toBe(600_000)
  })

  test('is not put off by a witness that the quorum does not need', async () => {
    c.script = () => ({ status: 500 })
    await client.collect(3)
    await expect.poll(() => client.told.outcomes.length).toBe(3)
    expect(readyIn()).toBeLessThan(1_000)
  })

  test('respects the rate that witnesses were told, on average exactly', async () => {
    start({ perDay: 24 })
    expect(client.cosigners.interval).toBe(3_600_000)
    expect(readyIn()).toBe(0)
    const begun = client.timer.now()
    for (let size = 1; size <= 20; size++) {
      await client.collect(size)
      client.timer.advance(readyIn())
    }
    const hours = (client.timer.now() - begun) / 3_600_000
    expect(hours).toBeGreaterThan(19.8)
    expect(hours).toBeLessThanOrEqual(20)
  })

  test('of a log without a policy, or with one that cannot be read, is now', async () => {
    const without = cosigning(tree, () => undefined)
    expect(await without.collect(3)).toMatchObject({ quorum: 'none' })
    expect(without.cosigners.readyIn(without.log)).toBe(0)
    const broken = cosigning(tree, () => 'quorum\n')
    await expect(broken.collect(3)).rejects.toMatchObject({ code: 'policy_invalid' })
    expect(broken.cosigners.readyIn(broken.log)).toBe(0)
  })
})

test('one request at a time goes to a witness; of those that wait, only for the newest checkpoint', async () => {
  const slow = held()
  c.script = slow.script
  for (const size of [3, 4, 5]) await client.collect(size)
  await asked(c)
  expect(c.requests).toHaveLength(1)
  slow.release()
  await expect.poll(() => c.requests.length).toBe(2)
  await expect.poll(() => client.told.late.length).toBe(2)
  expect(c.requests.map(({ note }) => parseNote(note).text.split('\n')[1])).toEqual(['3', '5'])
})
