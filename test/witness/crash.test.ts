// Nothing is ever published without the quorum, and a log recovers, whatever fails: writes of the engine that are lost or done
// but reported as failed, deaths of its process, witnesses that come and go; in a random order. The witnesses check every proof.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkPolicy } from '../../src/core/check-policy.ts'
import { parsePolicy } from '../../src/core/policy.ts'
import type { Log } from '../../src/log/types.ts'
import { checkLog } from '../support/check-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { appendTexts, publishAll, testFolder } from '../support/engine.ts'
import { COSIGN, scriptedWitness, type ScriptedWitness } from '../support/scripted-witness.ts'
import { type TestTimer, testTimer } from '../support/test-timer.ts'
import { type Witnessed, witnessedEngine } from '../support/witnessed.ts'

const POINTS = ['intend', 'guard.move', 'collect', 'publish'] as const
const KINDS = ['lost', 'kept'] as const
const { folder, remove } = testFolder()
let database: TestDatabase
let names = 0

beforeAll(async () => {
  database = await testDatabase()
})
afterAll(async () => {
  await database.drop()
  remove()
})

interface Run {
  readonly name: string
  readonly timer: TestTimer
  readonly witnesses: readonly ScriptedWitness[]
  readonly policy: string
  engine: Witnessed
  log: Log
  entries: number
}

async function startRun(): Promise<Run> {
  const timer = testTimer()
  const witnesses = await Promise.all(['a', 'b', 'c'].map((name) => scriptedWitness(name)))
  const engine = witnessedEngine(database.url, { folder, timer })
  const name = `log-${++names}`
  await engine.engine.create({ name })
  const policy = `${witnesses.map(({ lines }) => lines).join('')}group two 2 a b c\nquorum two\n`
  engine.setPolicy(name, policy)
  const log = await engine.engine.open(name)
  const run: Run = { name, timer, witnesses, policy, engine, log, entries: 0 }
  await append(run)
  await recover(run)
  return run
}

async function endRun({ engine, witnesses, name }: Run): Promise<void> {
  engine.setPolicy(name, undefined) // so that the next run's engine has nothing to ask for
  await engine.stop()
  await Promise.all(witnesses.map((witness) => witness.close()))
}

async function append(run: Run): Promise<void> {
  await appendTexts(run.log, [`entry ${run.entries}`])
  run.entries++
}

async function restart(run: Run): Promise<void> {
  await run.engine.stop()
  run.engine = witnessedEngine(database.url, { folder, timer: run.timer })
  run.log = await run.engine.engine.open(run.name)
}

/** Everything works again: what is committed is published, with the quorum. */
async function recover(run: Run): Promise<void> {
  run.engine.faults.disarm()
  for (const witness of run.witnesses) witness.script = COSIGN
  run.timer.advance(3_600_000)
  await publishAll(run.engine, run.log, [
    { index: run.entries - 1, leafHash: new Uint8Array(), duplicate: false },
  ])
  expect(run.log.status()).toMatchObject({ level: 'witnessed', problems: [] })
}

/** Every checkpoint but that of the creation, which knew no policy, satisfies the quorum. */
async function check(run: Run): Promise<void> {
  const policy = parsePolicy(`${run.log.info.vkeys.map((vkey) => `log ${vkey}\n`).join('')}${run.policy}`)
  const { history } = await checkLog(run.log)
  for (const { note, quorum } of history.slice(1)) {
    checkPolicy(note, policy)
    expect(quorum).toBe('met')
  }
}

describe.each(POINTS)('%s', (point) => {
  test.each(KINDS.flatMap((kind) => [true, false].map((dies) => ({ kind, dies }))))(
    'is $kind, twice; the process dies: $dies',
    async ({ kind, dies }) => {
      const run = await startRun()
      for (const _ of [1, 2]) {
        await append(run)
        run.timer.advance(3_600_000)
        run.engine.faults.arm(point, kind)
        await run.engine.publish()
        expect(run.engine.faults.fired).toBeGreaterThan(0)
        run.engine.faults.disarm()
        if (dies) await restart(run)
        await check(run)
      }
      await append(run)
      await recover(run)
      await check(run)
      await endRun(run)
    },
  )
})

test('nothing is published without the quorum, in any order of failures', async () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('append' as const) }),
    fc.record({ what: fc.constant('publish' as const) }),
    fc.record({ what: fc.constant('wait' as const) }),
    fc.record({ what: fc.constant('die' as const) }),
    fc.record({ what: fc.constant('work' as const) }),
    fc.record({
      what: fc.constant('fault' as const),
      point: fc.constantFrom(...POINTS),
      kind: fc.constantFrom(...KINDS),
    }),
    fc.record({
      what: fc.constant('witness' as const),
      which: fc.nat(2),
      status: fc.constantFrom(200, 404, 429, 500, 307),
    }),
  )
  const run = await startRun()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
      for (const one of steps) {
        if (one.what === 'append') await append(run)
        if (one.what === 'publish') await run.engine.publish()
        if (one.what === 'wait') run.timer.advance(60_000)
        if (one.what === 'die') await restart(run)
        if (one.what === 'work') run.engine.faults.disarm()
        if (one.what === 'fault') run.engine.faults.arm(one.point, one.kind)
        if (one.what === 'witness') {
          const { status } = one
          run.witnesses[one.which]!.script = status === 200 ? COSIGN : () => ({ status })
        }
      }
      await check(run)
      await recover(run)
      await check(run)
      expect(run.log.published().size).toBe(run.entries)
    }),
    { numRuns: 12 },
  )
  await endRun(run)
})
