// A thief has the key of a log and signs another history with it, in a service of its own. Everybody is a process here: the
// log, the thief's services, the witness, and the monitor.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { fromBase64 } from '../../src/core/bytes.ts'
import { formatAddCheckpoint } from '../../src/witness/wire.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { witnessPath } from '../support/monitored.ts'
import { adminKey, type ServiceProcess, startService } from '../support/service.ts'

const ORIGIN = 'log.example/logs/default'

let folder: string
const databases: TestDatabase[] = []
const services: ServiceProcess[] = []
let log: string
let witness: string
let vkey: string
let policy: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prooflog-split-'))
  log = (await start('log')).url
  vkey = (await infoOf(log)).vkeys[0]!
  witness = (
    await start('witness', ['witness', '--name', 'w.example', '--data', path('witness'), '--add-log', vkey])
  ).url
  const answer = (await (await fetch(witness)).json()) as { vkeys: string[] }
  policy = `witness w ${answer.vkeys[0]} ${witness}\nquorum w\n`
  await mkdir(path('log/policies'))
  await writeFile(path('log/policies/default.policy'), policy)
  await append('log', log, 'true', 300, 'witnessed')
  const served = await fetch(`${log}/logs/default/policy`)
  await writeFile(path('client.policy'), await served.text())
})
afterAll(async () => {
  for (const service of services) await service.kill()
  for (const database of databases) await database.drop()
  await rm(folder, { recursive: true, force: true })
})

function path(name: string): string {
  return join(folder, name)
}

async function start(name: string, command?: readonly string[]): Promise<ServiceProcess> {
  const database = await testDatabase('empty')
  databases.push(database)
  const env = { DATABASE_URL: database.ownerUrl, PROOFLOG_URL: 'http://log.example' }
  const service = await startService(path(name), env, command)
  services.push(service)
  return service
}

/** A service with a database and guard of its own, the origin of the log, and its stolen key. */
async function startFork(name: string, withPolicy: boolean): Promise<string> {
  await mkdir(path(`${name}/keys`), { recursive: true })
  await copyFile(path('log/keys/default.keys'), path(`${name}/keys/default.keys`))
  if (withPolicy) {
    await mkdir(path(`${name}/policies`))
    await writeFile(path(`${name}/policies/default.policy`), policy)
  }
  return (await start(name)).url
}

async function infoOf(
  url: string,
): Promise<{ origin: string; vkeys: string[]; problems: { code: string }[] }> {
  return (await fetch(`${url}/logs/default`)).json() as ReturnType<typeof infoOf>
}

async function append(name: string, url: string, text: string, count: number, wait: string): Promise<number> {
  const lines = Array.from({ length: count }, (_, i) => `${JSON.stringify({ text: `${text} ${i}` })}\n`)
  const response = await fetch(`${url}/logs/default/entries?wait=${wait}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${adminKey(path(name))}`,
      'content-type': 'application/x-ndjson',
    },
    body: lines.join(''),
  })
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return response.status
}

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

function prooflog(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], PROOFLOG_DATA: '/nonexistent' }
    execFile(process.execPath, [inject('program'), ...args], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })
}

function monitor(url: string, ...args: readonly string[]): Promise<Ended> {
  return prooflog('monitor', `${url}/logs/default`, '--once', ...args)
}

test('before: log, witness and monitor agree', async () => {
  const state = path('monitor.state')
  const seen = await monitor(log, '--policy', path('client.policy'), '--witness', witness, '--state', state)
  expect(seen).toMatchObject({ code: 0, out: expect.stringMatching(/size 300.*cosigned by w; agrees with/) })
})

test('a fork that asks the witness is stopped by it, and never publishes anything', async () => {
  const fork = await startFork('asking', true)
  await append('asking', fork, 'false', 400, 'committed')
  await vi.waitFor(
    async () => {
      const { problems } = await infoOf(fork)
      expect(problems.map(({ code }) => code)).toContain('halted')
    },
    { timeout: 20_000, interval: 100 },
  )
  expect((await fetch(`${fork}/logs/default/checkpoint`)).status).not.toBe(200)
  expect((await fetch(`${fork}/readyz`)).status).toBe(503)
  const { code } = await monitor(fork, '--vkey', vkey)
  expect(code, 'there is nothing to believe').toBeGreaterThan(0)
})

test('a fork that asks nobody is refused by the witness, caught by monitors, and rejected by clients with a quorum', async () => {
  const fork = await startFork('silent', false)
  const checkpoint = async (): Promise<Uint8Array> =>
    new Uint8Array(await (await fetch(`${fork}/logs/default/checkpoint`)).arrayBuffer())
  await append('silent', fork, 'false', 200, 'published')
  expect((await infoOf(fork)).origin).toBe(ORIGIN)
  const trusting = ['--url', fork, '--vkey', vkey]
  expect(await prooflog('checkpoint', ...trusting), 'the stolen key is the key').toMatchObject({ code: 0 })

  const copy = async (name: string): Promise<string> => {
    await copyFile(path('monitor.state'), path(name))
    return path(name)
  }
  const smaller = await monitor(fork, '--vkey', vkey, '--state', await copy('rewound.state'))
  expect(smaller).toMatchObject({ code: 1, err: expect.stringContaining('(rewound)') })
  const withheld = await monitor(fork, '--vkey', vkey, '--witness', witness)
  expect(withheld).toMatchObject({ code: 1, err: expect.stringContaining('(head_withheld)') })

  await append('silent', fork, 'more', 200, 'published')
  const { consistency } = (await (
    await fetch(`${fork}/logs/default/proofs/consistency?from=300&to=400`)
  ).json()) as { consistency: string[] }
  const note = await checkpoint()
  const cosign = (oldSize: number, proof: readonly Uint8Array[]): Promise<Response> =>
    fetch(`${witness}/add-checkpoint`, {
      method: 'POST',
      body: Buffer.from(formatAddCheckpoint({ oldSize, proof, note })),
    })
  expect((await cosign(300, consistency.map(fromBase64))).status).toBe(422)
  const conflict = await cosign(0, [])
  expect([conflict.status, await conflict.text()]).toEqual([409, '300\n'])

  const evidence = path('evidence')
  const larger = await monitor(
    fork,
    '--vkey',
    vkey,
    '--state',
    await copy('fork.state'),
    '--evidence',
    evidence,
  )
  expect(larger).toMatchObject({ code: 1, err: expect.stringContaining('(fork)') })
  const split = await monitor(fork, '--vkey', vkey, '--witness', witness, '--evidence', evidence)
  expect(split).toMatchObject({ code: 1, err: expect.stringContaining('(split_view)') })
  const kept = (await readdir(evidence)).toSorted()
  expect(kept.map((name) => name.replace(/^.*Z-/, ''))).toEqual(['fork', 'split_view'])
  for (const name of kept) {
    expect(new Uint8Array(await readFile(join(evidence, name, 'offered.note')))).toEqual(note)
    expect(await readFile(join(evidence, name, 'remembered.note'), 'utf8')).toMatch(
      /^log\.example\/logs\/default\n300\n/,
    )
    const proven = await prooflog('verify-evidence', join(evidence, name), '--vkey', vkey)
    expect(proven).toMatchObject({ code: 0, out: expect.stringContaining('fork proven') })
  }

  const careful = ['--url', fork, '--policy', path('client.policy')]
  const rejected = { code: 1, err: expect.stringContaining('policy_quorum_not_met') }
  expect(await prooflog('checkpoint', ...careful)).toMatchObject(rejected)
  expect(await monitor(fork, '--policy', path('client.policy'))).toMatchObject({
    code: 1,
    err: expect.stringContaining('(quorum_missed)'),
  })
  const proof = path('forged.tlog-proof')
  expect(await prooflog('prove', '7', '-o', proof, ...trusting)).toMatchObject({ code: 0 })
  const verify = ['verify', '--proof', proof, '--line', 'false 7']
  expect(await prooflog(...verify, '--vkey', vkey)).toMatchObject({ code: 0 })
  expect(await prooflog(...verify, '--policy', path('client.policy'))).toMatchObject(rejected)
})

test('after: the log itself goes on, and its witness still has the true history', async () => {
  await append('log', log, 'later', 50, 'witnessed')
  const trusting = ['--policy', path('client.policy'), '--witness', witness]
  const reading = ['--entries', '--key-file', path('log/admin.key')]
  const seen = await monitor(log, ...trusting, ...reading, '--state', path('monitor.state'))
  expect(seen).toMatchObject({ code: 0, out: expect.stringMatching(/size 350.*350 entries hashed/) })
  const shown = await (await fetch(`${witness}/${witnessPath(ORIGIN)}`)).text()
  expect(shown).toMatch(/^log\.example\/logs\/default\n350\n/)
})
