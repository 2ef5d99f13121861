// kill -9 of the process that records, at any point: what was accepted is in the log, once, in order.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Fixture, fixture } from './fixture.ts'

const ROUNDS = 12
let at: Fixture
beforeEach(async () => {
  at = await fixture()
})
afterEach(() => at.end())

/** Runs the process for a while and kills it; what it said was accepted. */
async function killed(): Promise<string[]> {
  const file = new URL('auditing-process.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--import', 'tsx', file, at.receiver.url, at.spool])
  let said = ''
  let errors = ''
  child.stdout.on('data', (text: Buffer) => (said += text.toString()))
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
  const enough = randomInt(200)
  while (said.split('\n').length <= enough && child.exitCode === null) await sleep(randomInt(5))
  expect(child.exitCode, errors).toBe(null)
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
  return said.split('\n').slice(0, -1)
}

test(
  `${ROUNDS} times kill -9 under load: what was accepted is delivered once and in order`,
  { timeout: 120_000 },
  async () => {
    at.receiver.behave = () => {
      const chance = randomInt(10)
      if (chance === 0) return 'take-and-drop'
      return chance === 1 ? { status: 503, headers: { 'retry-after': '0' } } : 'ok'
    }
    const accepted: string[] = []
    for (let round = 0; round < ROUNDS; round++) accepted.push(...(await killed()))
    at.receiver.behave = () => 'ok'
    const sender = await at.sender()
    await sender.deliver()
    const taken = at.receiver.taken.map(({ id }) => id)
    const there = new Set(taken)
    expect(there.size).toBe(taken.length)
    expect(accepted.filter((id) => !there.has(id))).toEqual([])
    expect(accepted.length).toBeGreaterThan(ROUNDS)
    expect(taken.length - accepted.length).toBeLessThanOrEqual(ROUNDS * 4) // what was being accepted
    const order = taken.map((id) => id.split('-').map(Number))
    const last = new Map<string, number>()
    for (const [pid, worker, n = 0] of order) {
      expect(n).toBe((last.get(`${pid}-${worker}`) ?? -1) + 1)
      last.set(`${pid}-${worker}`, n)
    }
    expect(at.problems.filter(({ code }) => code !== 'spool_cut')).toEqual([])
  },
)
