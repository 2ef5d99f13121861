// The log and two witnesses of our own, over HTTP, each with its database.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkPolicy } from '../../src/core/check-policy.ts'
import { parseVkey } from '../../src/core/keys.ts'
import type { Log } from '../../src/log/types.ts'
import { checkLog } from '../support/check-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { appendTexts, publishAll, testFolder, texts } from '../support/engine.ts'
import { testWitness, type TestWitness } from '../support/witness.ts'
import { servedPolicy, type Witnessed, witnessedEngine } from '../support/witnessed.ts'

let database: TestDatabase
let home: ReturnType<typeof testFolder>
let one: Witnessed
let log: Log
let witnesses: TestWitness[]

beforeAll(async () => {
  database = await testDatabase()
  home = testFolder()
  one = witnessedEngine(database.url, { folder: home.folder })
  const info = await one.engine.create({ name: 'default' })
  log = await one.engine.open('default')
  const known = [{ key: parseVkey(info.vkeys[0]!), origin: info.origin }]
  witnesses = await Promise.all(['w1', 'w2'].map((name) => testWitness(known, { name: `${name}.example` })))
})
afterAll(async () => {
  await one.stop()
  for (const witness of witnesses) await witness.remove()
  await database.drop()
  home.remove()
})

/** Both keys of each witness: the Ed25519 keys count for the quorum, of which `count` are needed. */
function policyOf(count: number): string {
  const lines = witnesses.flatMap(({ vkeys, url }, i) =>
    vkeys.map((vkey, key) => `witness w${i + 1}${key === 0 ? '' : '-pq'} ${vkey} ${url}`),
  )
  return `${lines.join('\n')}\ngroup both ${count} w1 w2\nquorum both\n`
}

test('a checkpoint is published with every cosignature of both witnesses, of Ed25519 and ML-DSA-44', async () => {
  one.setPolicy('default', policyOf(2))
  await publishAll(one, log, await appendTexts(log, texts(3)))
  const { checkpoint, cosigners } = checkPolicy(log.published().note, servedPolicy(log))
  expect(checkpoint.size).toBe(3)
  expect(cosigners.map(({ name }) => name)).toEqual(['w1', 'w1-pq', 'w2', 'w2-pq'])
  expect(log.published().quorum).toBe('met')
  expect(log.status()).toMatchObject({ level: 'witnessed', problems: [], quorum: 'met' })
  expect(one.outcomes.map(({ failure }) => failure)).toEqual([undefined, undefined])
  await checkLog(log)
})
