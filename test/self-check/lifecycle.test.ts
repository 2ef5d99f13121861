// What an administrator does to a log is no tampering, nor is what a witness says of it.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { checkWhole } from '../../src/self-check/check-all.ts'
import { describeFinding } from '../../src/self-check/finding.ts'
import { createLooker } from '../../src/self-check/look.ts'
import { appendTexts } from '../support/engine.ts'
import { tamperGround } from './ground.ts'

test('rotated, retired, drained, continued, frozen and opened again: nothing is found', async () => {
  const ground = await tamperGround('changed', [3, 300])
  onTestFinished(() => ground.stop())
  const { engine } = ground.engine
  const log = await engine.open('changed')
  const found = async (): Promise<string[]> => (await ground.check()).map(describeFinding)
  let entries = 300
  const publish = async (): Promise<void> => {
    await appendTexts(log, [`entry ${entries++}`])
    await new Promise((resolve) => setTimeout(resolve, 5)) // a checkpoint is later than the one before
    await ground.engine.publish()
    expect(log.published().size).toBe(entries)
  }
  const rotate = async (): Promise<void> => {
    const old = log.info.signing
    await engine.rotate('changed')
    await publish()
    expect(await found()).toEqual([])
    for (const vkey of old) await engine.retireKey('changed', vkey.split('+')[1]!)
    await publish()
    expect(await found()).toEqual([])
  }
  await rotate()
  // A generation that is held elsewhere and has no ML-DSA key, and one after it that has.
  const skey = generateSkey(log.info.origin, 0x01, new Uint8Array(32).fill(1))
  appendFileSync(join(ground.folder, 'keys', 'changed.keys'), `${skey}\n`)
  await rotate()
  expect(log.info.signing).toEqual([vkeyOf(skey)])
  await rotate()
  expect(log.info.signing).toHaveLength(2)
  await engine.setState('changed', 'draining')
  await engine.create({ name: 'next', successorOf: 'changed' })
  await engine.setState('changed', 'frozen')
  expect(await found()).toEqual([])
  await engine.setState('changed', 'open')
  await publish()
  expect(await found()).toEqual([])
})

test('stopped by the alarm of a witness: nothing is found, and what the guard holds is not called damaged', async () => {
  const ground = await tamperGround('alarmed', [3, 300])
  onTestFinished(() => ground.stop())
  await ground.engine.guard.halt(ground.info.origin, 'a witness saw another history')
  expect((await ground.check()).map(describeFinding)).toEqual([])
})

test.each([
  ['nothing is found when a log is signed for the first time meanwhile', 1, []],
  ['a guard that knows nothing of a signed log is named', Infinity, ['guard']],
])('%s', async (_, missing, tables) => {
  const ground = await tamperGround('first', [3])
  onTestFinished(() => ground.stop())
  const { guard } = ground.ports
  let reads = 0
  const read: typeof guard.read = async (origin) => (++reads > missing ? guard.read(origin) : undefined)
  const looker = createLooker({ ...ground.ports, guard: { ...guard, read } }, async () => {})
  const { findings } = await checkWhole(looker, ground.info, { remembered: new Map() })
  expect(findings.map(({ table }) => table)).toEqual(tables)
})
