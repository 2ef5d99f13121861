// What is served here against what others have seen: witnesses and mirrors are files on another HTTP server.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { generateSkey } from '../../src/core/keys.ts'
import { parsePolicy } from '../../src/core/policy.ts'
import { verifyEvidence } from '../../src/monitor/evidence.ts'
import {
  cosigned,
  forked,
  monitored,
  WITNESS_KEYS,
  witnessPath,
  witnessPolicy,
} from '../support/monitored.ts'
import { entriesUpTo, signedCheckpoint, type StaticLog, staticLog } from '../support/static-log.ts'

const NOW = 1_800_000_000

let log: StaticLog
let other: StaticLog

beforeEach(async () => {
  log = await staticLog()
  other = await staticLog()
})
afterEach(async () => {
  await log.close()
  await other.close()
})

describe('split views', () => {
  beforeEach(() => {
    log.publish(entriesUpTo(300))
  })
  const showWitness = (note: Uint8Array): void => void other.files.set(witnessPath(log.origin), note)

  test.each([
    ['behind', 200],
    ['level', 300],
  ])('a witness that is %s with the same history agrees', async (_name, size) => {
    showWitness(signedCheckpoint(log.skey, log.origin, entriesUpTo(size)))
    const { violations, agreed, warnings } = await monitored(log, { witnesses: [other.url] }).round()
    expect([violations, warnings]).toEqual([[], []])
    expect(agreed).toEqual([other.url])
  })

  test.each([
    ['smaller', 200],
    ['equal', 300],
  ])(
    'a witness that has seen an %s tree of another history proves the split at first use',
    async (_n, size) => {
      const seen = signedCheckpoint(log.skey, log.origin, forked(size, 100))
      showWitness(seen)
      const { violations } = await monitored(log, { witnesses: [other.url] }).round()
      expect(violations).toMatchObject([
        {
          code: 'split_view',
          heldBy: other.url,
          notes: { remembered: seen, offered: log.files.get('checkpoint') },
        },
      ])
      const [{ divergence } = { divergence: undefined }] = violations
      const notes = { remembered: seen, offered: log.files.get('checkpoint')! }
      const policy = parsePolicy(`log ${log.vkey}\nquorum none\n`)
      expect(verifyEvidence({ divergence }, notes, policy).verdict).toBe('fork')
    },
  )

  test('a witness that is ahead for a moment agrees when the log has caught up', async () => {
    showWitness(signedCheckpoint(log.skey, log.origin, entriesUpTo(400)))
    const monitor = monitored(log, { witnesses: [other.url] })
    monitor.onPause = () => log.publish(entriesUpTo(410))
    expect(await monitor.round()).toMatchObject({ violations: [], agreed: [other.url] })
  })

  test('a head that a witness has and the log never shows is held against it after the grace', async () => {
    const seen = signedCheckpoint(log.skey, log.origin, forked(400, 100))
    showWitness(seen)
    const monitor = monitored(log, { witnesses: [other.url], maxAge: Infinity })
    expect(await monitor.codes()).toEqual([])
    showWitness(signedCheckpoint(log.skey, log.origin, forked(500, 100)))
    monitor.now += 900_000
    expect(await monitor.round()).toMatchObject({
      violations: [{ code: 'head_withheld', heldBy: other.url, notes: { remembered: seen } }],
    })
    log.publish(entriesUpTo(450)) // as soon as the log is as large as what was remembered, the split is proven
    expect(await monitor.codes()).toContain('split_view')
    expect(await monitored(log, { witnesses: [other.url], grace: 0 }).codes()).toEqual(['head_withheld'])
  })

  test('a log that lags behind its witnesses, and catches up, is not held to what it lacks now', async () => {
    const monitor = monitored(log, { witnesses: [other.url], maxAge: Infinity })
    for (let size = 400; size < 1_000; size += 100) {
      showWitness(signedCheckpoint(log.skey, log.origin, entriesUpTo(size)))
      expect(await monitor.codes()).toEqual([])
      log.publish(entriesUpTo(size))
      monitor.now += 600_000
    }
  })

  test('a mirror is compared by its own tiles when it is ahead', async () => {
    other.publish(entriesUpTo(700))
    expect(await monitored(log, { mirrors: [other.url] }).round()).toMatchObject({
      violations: [],
      agreed: [other.url],
    })
    other.publish(forked(700, 299))
    const { violations } = await monitored(log, { mirrors: [other.url] }).round()
    expect(violations).toMatchObject([{ code: 'split_view', heldBy: other.url }])
  })

  test('a mirror is found below the hash of the origin too', async () => {
    other.publish(forked(200, 100))
    const folder = witnessPath(log.origin).replace('/checkpoint', '')
    for (const [path, bytes] of Array.from(other.files)) {
      other.files.set(`${folder}/${path}`, bytes)
      other.files.delete(path)
    }
    expect(await monitored(log, { mirrors: [other.url] }).codes()).toEqual(['split_view'])
  })

  test('a witness that cannot be asked, or shows what the log did not sign, is a warning', async () => {
    const monitor = monitored(log, { witnesses: [other.url], policy: witnessPolicy(log, 'none') })
    expect(await monitor.round()).toMatchObject({
      violations: [],
      warnings: [expect.stringContaining('404')],
    })
    const stranger = generateSkey(log.origin, 0x01, new Uint8Array(32).fill(9))
    showWitness(signedCheckpoint(stranger, log.origin, forked(200, 1)))
    expect(await monitor.round()).toMatchObject({
      violations: [],
      warnings: [expect.stringContaining('could not')],
    })
    showWitness(signedCheckpoint(log.skey, log.origin, entriesUpTo(200)))
    expect(await monitor.round()).toMatchObject({
      violations: [],
      warnings: [expect.stringContaining('no witness')],
    })
    showWitness(await cosigned(log.files.get('checkpoint')!, WITNESS_KEYS[0]!, NOW))
    expect(await monitor.round()).toMatchObject({ violations: [], warnings: [] })
    await other.close()
    expect(await monitor.round()).toMatchObject({
      violations: [],
      warnings: [expect.stringContaining('reached')],
    })
  })
})
