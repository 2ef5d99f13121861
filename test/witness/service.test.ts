// The whole service with two witnesses of our own, as an operator sets them up (docs/witnesses.md) and a client meets them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { parseVkey } from '../../src/core/keys.ts'
import { formatNote, parseNote } from '../../src/core/note.ts'
import { formatProofFile, parseProofFile } from '../../src/core/proof-file.ts'
import { serve, type Service } from '../../src/serve.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { testFolder } from '../support/engine.ts'
import { runCli } from '../support/run-cli.ts'
import { testWitness, type TestWitness } from '../support/witness.ts'

const { folder, remove } = testFolder()
const policyFile = join(folder, 'log.policy')
const proof = join(folder, '0.tlog-proof')
let database: TestDatabase
let service: Service
let witnesses: TestWitness[]
const run = (...args: string[]) =>
  runCli(args, { env: { PROOFLOG_SERVER: service.url, PROOFLOG_DATA: folder } })

beforeAll(async () => {
  database = await testDatabase()
  service = await serve(
    readConfig({
      DATABASE_URL: database.ownerUrl,
      PROOFLOG_DATA: folder,
      PROOFLOG_PUBLISH_MS: '50',
      PROOFLOG_SEARCH: 'off',
      PROOFLOG_WITNESS_QPD: '1728000',
      PROOFLOG_WITNESS_TIMEOUT_MS: '20000',
      PROOFLOG_URL: 'http://log.example',
      PROOFLOG_LOG_LEVEL: 'silent',
      PORT: '0',
    }),
  )
  const { vkeys, origin } = JSON.parse((await run('log', 'show', '--json')).out)
  const known = [{ key: parseVkey(vkeys[0]), origin }]
  witnesses = await Promise.all(['w1', 'w2'].map((name) => testWitness(known, { name: `${name}.example` })))
})
afterAll(async () => {
  await service.stop()
  for (const witness of witnesses) await witness.remove()
  await database.drop()
  remove()
})

test('a policy that is put into its folder is satisfied without growth, and shown to everybody', async () => {
  const lines = witnesses.map(({ vkeys, url }, i) => `witness w${i + 1} ${vkeys[0]} ${url}\n`).join('')
  mkdirSync(join(folder, 'policies'))
  writeFileSync(join(folder, 'policies', 'default.policy'), `${lines}group both all w1 w2\nquorum both\n`)
  await expect
    .poll(async () => JSON.parse((await run('log', 'show', '--json')).out))
    .toMatchObject({
      level: 'witnessed',
      quorum: 'met',
      problems: [],
      witnesses: [
        { name: 'w1', cosigned: true, failure: null },
        { name: 'w2', cosigned: true, failure: null },
      ],
    })
  expect((await run('log', 'show')).out).toMatch(/^witness {2}w1 cosigned$/m)
  expect(await (await fetch(`${service.url}/readyz`)).json()).toMatchObject({
    status: 'ready',
    witnesses: [
      { log: 'default', name: 'w1', cosigned: true, quorum: 'met' },
      { log: 'default', name: 'w2' },
    ],
  })
  const metrics = await (await fetch(`${service.url}/metrics`)).text()
  expect(metrics).toMatch(/^prooflog_cosignatures_total\{log="default",witness="w1"\} [1-9]/m)
  expect(metrics).toMatch(/^prooflog_quorum_total\{log="default",quorum="met"\} [1-9]/m)
})

test('wait=witnessed answers with a proof that is verified by the policy, without the server', async () => {
  const key = readFileSync(join(folder, 'admin.key'), 'utf8').trim()
  const answer = await fetch(`${service.url}/logs/default/entries?wait=witnessed&timeout=60`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/octet-stream' },
    body: 'an event',
  })
  expect(await answer.json()).toMatchObject({ index: 0, tree_size: 1 })
  expect(await run('prove', '0', '-o', proof)).toMatchObject({ code: 0 })
  writeFileSync(policyFile, (await run('log', 'show', '--policy')).out)
  const verified = await run('verify', '--proof', proof, '--line', 'an event', '--policy', policyFile)
  expect(verified).toMatchObject({ code: 0, err: '' })
  expect(verified.out).toMatch(/^cosigned +w1 2.*\ncosigned +w2 2/m)
  expect((await run('audit')).code).toBe(0)
})

test('a proof whose cosignatures were taken away is refused by the policy, however good its signature', async () => {
  const file = parseProofFile(readFileSync(proof))
  const { text, signatures } = parseNote(file.checkpoint)
  const bare = formatNote(
    text,
    signatures.filter(({ name }) => !/^w\d/.test(name)),
  )
  writeFileSync(proof, formatProofFile({ ...file, checkpoint: bare }))
  const refused = await run('verify', '--proof', proof, '--line', 'an event', '--policy', policyFile)
  expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/policy_quorum_not_met/) })
})
