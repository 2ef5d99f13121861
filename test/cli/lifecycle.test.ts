// Keys and states of a log from the command line, through HTTP, on the real engine.
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { generateSkey, parseVkey, vkeyOf } from '../../src/core/keys.ts'
import { parsePolicy } from '../../src/core/policy.ts'
import * as schemas from '../../src/http/schemas.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { type TestEngine, testEngine, testFolder } from '../support/engine.ts'
import { ALL, problemOf, type TestApp, testApp } from '../support/http-app.ts'
import { type CliResult, runCli } from '../support/run-cli.ts'

let database: TestDatabase
let engine: TestEngine
let t: TestApp
let name: string
let made = 0
const home = testFolder()

beforeAll(async () => {
  database = await testDatabase()
  engine = testEngine(database.url, { folder: home.folder })
  t = await testApp({ logs: engine.engine })
})
beforeEach(async () => {
  name = `log-${++made}`
  await engine.engine.create({ name })
})
afterAll(async () => {
  await engine.stop()
  await database.drop()
  home.remove()
})

function run(args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> {
  return runCli(args, {
    env: { PROOFLOG_SERVER: 'http://log.example', PROOFLOG_KEY: 'all', ...env },
    fetch: async (url, init) => t.app.request(url, init),
  })
}

async function runJson(args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await run([...args, '--json'])
  expect(code, err).toBe(0)
  return JSON.parse(out) as Record<string, unknown>
}

function policyOf(text: string): string[] {
  return parsePolicy(text).logs.map(({ key }) => key.vkey)
}

function append(path: 'add' | 'entries', entry = 'entry'): Promise<Response> {
  const headers = { ...ALL, 'content-type': 'application/octet-stream' }
  return Promise.resolve(t.app.request(`/logs/${name}/${path}`, { method: 'POST', headers, body: entry }))
}

describe('keys', () => {
  test('are rotated and retired, and the API says which sign', async () => {
    const before = await runJson(['log', 'show', name])
    const [oldEd25519, oldMlDsa] = before['signing'] as [string, string]
    const rotated = await run(['log', 'rotate', name])
    expect(rotated).toMatchObject({ code: 0, err: expect.stringContaining(`retire-key ${name}`) })
    const vkeys = rotated.out.trimEnd().split('\n')
    expect(vkeys.map((vkey) => parseVkey(vkey).type)).toEqual([0x01, 0x06, 0x01, 0x06])
    expect(await run(['log', 'rotate', name])).toMatchObject({
      code: 1,
      err: expect.stringContaining('(state_conflict)'),
    })
    expect(await run(['log', 'retire-key', name, oldEd25519])).toMatchObject({
      code: 1,
      err: expect.stringContaining('wait for one'),
    })
    await engine.publish()
    const retired = await runJson(['log', 'retire-key', name, oldEd25519, oldMlDsa])
    expect(retired).toMatchObject({ vkeys, signing: vkeys.slice(2).map((vkey) => vkey.split('+')[1]) })
    expect((await run(['log', 'show', name])).out).toContain(
      `signing  ${(retired['signing'] as string[]).join(' ')}\n`,
    )
    const policyKeys = async (...more: string[]) =>
      policyOf((await run(['log', 'show', name, '--policy', ...more])).out)
    expect(await policyKeys()).toEqual(vkeys)
    expect(await policyKeys('--signing')).toEqual(vkeys.slice(2))
    expect(await run(['log', 'show', name, '--signing'])).toMatchObject({ code: 2 })
    const summary = await (await t.app.request(`/logs/${name}`)).json()
    expect(schemas.logSummary.parse(summary)).toMatchObject({
      vkeys,
      signing: retired['signing'],
      state: 'open',
    })
  })

  test('that are not there, or no ids, are refused', async () => {
    for (const [id, code, status] of [
      ['00000000', 'signing_key_not_found', 404],
      ['0000000G', 'invalid_parameter', 400],
      ['ABCDEF01', 'invalid_parameter', 400],
    ] as const) {
      const response = await t.app.request(`/logs/${name}/keys/${id}`, { method: 'DELETE', headers: ALL })
      expect(await problemOf(response)).toMatchObject({ status, code })
    }
  })
})

describe('states', () => {
  test('draining answers 503 with Retry-After, frozen 405 with Allow and the way to the successor', async () => {
    const next = `${name}-2`
    expect(await runJson(['log', 'create', next, '--successor-of', name])).toMatchObject({
      name: next,
      state: 'open',
    })
    expect(await runJson(['log', 'drain', name])).toMatchObject({ state: 'draining', successor: next })
    for (const path of ['add', 'entries'] as const) {
      const { status, code, headers } = await problemOf(await append(path))
      expect({ status, code, retry: headers.get('retry-after') }).toEqual({
        status: 503,
        code: 'log_draining',
        retry: '1',
      })
    }
    expect(await runJson(['log', 'freeze', name])).toMatchObject({ state: 'frozen' })
    for (const path of ['add', 'entries'] as const) {
      const { status, code, headers, body } = await problemOf(await append(path))
      expect({ status, code, successor: body['successor'] }).toEqual({
        status: 405,
        code: 'log_frozen',
        successor: `/logs/${next}`,
      })
      expect(headers.get('link')).toBe(`</logs/${next}>; rel="successor-version"`)
      expect(headers.get('allow')).toMatch(/GET/)
    }
    expect((await run(['log', 'show', name])).out).toContain(`state    frozen, continued by ${next}\n`)
    expect((await run(['log', 'list'])).out).toMatch(new RegExp(`^${name} +0 +frozen`, 'm'))
    expect(await runJson(['log', 'reopen', name])).toMatchObject({ state: 'open' })
    expect((await append('add')).status).toBe(200)
  })

  test('a frozen log is ready, whatever the age of its checkpoint', async () => {
    await run(['log', 'drain', name])
    await run(['log', 'freeze', name])
    const log = await engine.engine.open(name)
    expect(log.status().problems).toEqual([])
    expect((await t.app.request('/readyz')).status).toBe(200)
  })

  test('other words, and steps that are not possible, are refused', async () => {
    const post = async (body: string, type = 'application/json') =>
      problemOf(
        await t.app.request(`/logs/${name}/state`, {
          method: 'POST',
          headers: { ...ALL, 'content-type': type },
          body,
        }),
      )
    for (const body of ['{}', '{"state":"melted"}', '{"state":"open","now":true}', 'x'])
      expect(await post(body)).toMatchObject({ status: 400, code: 'invalid_body' })
    expect(await post('{"state":"open"}', 'text/plain')).toMatchObject({ status: 415 })
    expect(await post('{"state":"frozen"}')).toMatchObject({ status: 409, code: 'state_conflict' })
    expect(await run(['log', 'freeze', name])).toMatchObject({ code: 1 })
    expect(await run(['log', 'create', `${name}-2`, '--successor-of', 'nobody'])).toMatchObject({ code: 1 })
  })
})

describe('keyfile', () => {
  const origin = 'log.example/logs/a'
  const skeys = ([0x01, 0x06] as const).map((type) => generateSkey(origin, type, new Uint8Array(32).fill(1)))

  test('encrypts in place what is open, shows it without secrets, and decrypts it again', async () => {
    const file = join(home.folder, 'a.keys')
    const text = `# two keys\n${skeys.join('\n')}\nenv ${vkeyOf(generateSkey(origin, 0x01, new Uint8Array(32).fill(2)))} KEY\n`
    writeFileSync(file, text, { mode: 0o644 })
    expect(await run(['keyfile', 'encrypt', file])).toMatchObject({
      code: 1,
      err: expect.stringContaining('(passphrase_missing)'),
    })
    expect(readFileSync(file, 'utf8')).toBe(text)
    const env = { PROOFLOG_PASSPHRASE: 'correct horse' }
    expect(await run(['keyfile', 'encrypt', file], env)).toMatchObject({
      code: 0,
      out: `2 private keys in ${file} were encrypted\n`,
    })
    expect(readFileSync(file, 'utf8')).toMatch(/^# two keys\nencrypted .*\nencrypted .*\nenv .*\n$/)
    expect(statSync(file).mode & 0o077).toBe(0)
    const shown = await run(['keyfile', 'show', file, '--json'], env)
    const { keys } = JSON.parse(shown.out) as { keys: { kind: string; vkey: string; fault: string | null }[] }
    expect(keys.map(({ kind, fault }) => [kind, fault === null])).toEqual([
      ['encrypted', true],
      ['encrypted', true],
      ['env', false],
    ])
    expect(keys.slice(0, 2).map(({ vkey }) => vkey)).toEqual(skeys.map(vkeyOf))
    expect((await run(['keyfile', 'show', file])).out).not.toContain('PRIVATE')
    expect(await run(['keyfile', 'decrypt', file], { PROOFLOG_PASSPHRASE: 'wrong' })).toMatchObject({
      code: 1,
    })
    expect(await run(['keyfile', 'decrypt', file], env)).toMatchObject({ code: 0 })
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  test('makes a vkey from a public key in PEM or base64', async () => {
    const { publicKey } = generateKeyPairSync('ed25519')
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
    const file = join(home.folder, 'public')
    const vkey = async (text: string): Promise<CliResult> => {
      writeFileSync(file, text)
      return run(['keyfile', 'vkey', origin, file])
    }
    const fromPem = await vkey(publicKey.export({ format: 'pem', type: 'spki' }).toString())
    expect(parseVkey(fromPem.out.trimEnd())).toMatchObject({
      name: origin,
      type: 0x01,
      publicKey: new Uint8Array(raw),
    })
    expect((await vkey(`${raw.toString('base64')}\n`)).out).toBe(fromPem.out)
    const mlDsa = parseVkey(vkeyOf(skeys[1]!))
    expect((await vkey(Buffer.from(mlDsa.publicKey).toString('base64'))).out).toBe(`${mlDsa.vkey}\n`)
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
      format: 'pem',
      type: 'spki',
    })
    for (const bad of ['', 'AAAA', rsa.toString(), skeys[0]!]) expect((await vkey(bad)).code).toBe(1)
  })

  test('a file that is not there is an error, and leaves none behind', async () => {
    const file = join(home.folder, 'missing.keys')
    for (const verb of ['show', 'encrypt', 'decrypt'])
      expect(await run(['keyfile', verb, file], { PROOFLOG_PASSPHRASE: 'x' })).toMatchObject({ code: 2 })
    expect(() => statSync(`${file}.lock`)).toThrow(/ENOENT/)
  })
})
