// What a new user does, in order, with the program as a process and a real Postgres: start, append, prove, verify without
// the server; and then what the promise is about: somebody alters the database.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { testDatabase, type TestDatabase } from '../support/database.ts'

const PROGRAM = inject('program')

let database: TestDatabase
let folder: string
let server: ChildProcess | undefined
let url = 'http://127.0.0.1:8080'

beforeAll(async () => {
  database = await testDatabase('empty')
  folder = await mkdtemp(join(tmpdir(), 'prooflog-e2e-'))
})
afterAll(async () => {
  await stopServer()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

async function startServer(): Promise<void> {
  server = spawn(process.execPath, [PROGRAM, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database.ownerUrl,
      PROOFLOG_DATA: folder,
      PROOFLOG_PUBLISH_MS: '50',
      PROOFLOG_URL: 'http://log.example',
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  server.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()))
  if (!server.stdout) throw new Error('the server has no standard output')
  const [line] = (await Promise.race([
    once(createInterface(server.stdout), 'line'),
    once(server, 'exit').then(() => Promise.reject(new Error(`the server did not start: ${log}`))),
  ])) as [string]
  url = line
}

async function stopServer(): Promise<number | null | undefined> {
  if (!server) return undefined
  const ended = once(server, 'exit')
  server.kill('SIGTERM')
  server = undefined
  const [code] = (await ended) as [number | null]
  return code
}

async function run(
  args: readonly string[],
  stdin = '',
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database.ownerUrl,
      PROOFLOG_SERVER: url,
      PROOFLOG_DATA: folder,
    },
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  child.stdin.end(stdin)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

async function result(args: readonly string[], stdin = ''): Promise<string> {
  const { code, out, err } = await run(args, stdin)
  expect([code, err], args.join(' ')).toEqual([0, ''])
  return out
}

test('migrate makes the schema, and has nothing to do the second time', async () => {
  const [first, second] = [await result(['migrate', '--json']), await result(['migrate', '--json'])]
  expect((JSON.parse(first) as { applied: number }).applied).toBeGreaterThan(0)
  expect(JSON.parse(second)).toEqual({ applied: 0 })
})

test('from nothing to a proof that is verified without the server', async () => {
  await startServer()
  expect((await stat(join(folder, 'admin.key'))).mode % 0o1000).toBe(0o600)

  const appended = await result(['append', '--wait', '--json'], 'alice logged in\nbob deleted report 7\n')
  expect(JSON.parse(appended)).toMatchObject({ count: 2, duplicates: 0, first_index: 0, tree_size: 2 })
  const policy = join(folder, 'log.policy')
  await writeFile(policy, await result(['log', 'show', '--policy']))
  const proof = join(folder, 'bob.tlog-proof')
  await result(['prove', '--line', 'bob deleted report 7', '-o', proof, '--policy', policy])
  expect(await result(['get', '1', '--policy', policy])).toBe('bob deleted report 7')

  expect(await stopServer(), 'a server that is told to stop ends well').toBe(0)
  const verified = await result([
    'verify',
    '--proof',
    proof,
    '--line',
    'bob deleted report 7',
    '--policy',
    policy,
    '--json',
  ])
  expect(JSON.parse(verified)).toMatchObject({ index: 1, origin: 'log.example/logs/default', tree_size: 2 })
  const forged = await run(['verify', '--proof', proof, '--line', 'bob deleted nothing', '--policy', policy])
  expect(forged).toMatchObject({ code: 1, out: '' })
})

test('the log goes on after a restart, under the same keys', async () => {
  const policy = join(folder, 'log.policy')
  await startServer()
  const lines = Array.from({ length: 1_000 }, (_, i) => `event ${i}\n`).join('')
  const again = await result(['append', '--wait', '--json', '--policy', policy], `alice logged in\n${lines}`)
  expect(JSON.parse(again)).toMatchObject({ count: 1_001, duplicates: 1, first_index: 0, tree_size: 1_002 })
  const audit = await result(['audit', '--json', '--policy', policy, '--remember', join(folder, 'head')])
  expect(JSON.parse(audit)).toMatchObject({ tree_size: 1_002, entries: true, remembered_size: null })
})

test('a key does what its scope says, until it is revoked', async () => {
  const created = await run([
    'key',
    'create',
    'app',
    '--scope',
    'entries:append',
    '--log',
    'default',
    '--json',
  ])
  const { key, id } = JSON.parse(created.out) as { key: string; id: string }
  expect((await run(['append', '--key', key], 'by the app\n')).code).toBe(0)
  expect((await run(['get', '0', '--key', key])).err).toContain('insufficient_scope')
  expect((await run(['log', 'create', 'mine', '--key', key])).err).toContain('insufficient_scope')
  await result(['key', 'revoke', id])
  expect(await run(['append', '--key', key], 'after\n')).toMatchObject({
    code: 1,
    err: expect.stringContaining('key_revoked'),
  })
  expect(await result(['key', 'list'])).toContain(id)
})

test('an entry that is altered in the database is named by an audit of the running server', async () => {
  const policy = join(folder, 'log.policy')
  const head = join(folder, 'head')
  const remembered = await readFile(head)
  expect(await result(['get', '1', '--policy', policy]), 'in memory from now on').toBe('bob deleted report 7')
  await database.owner.unsafe('ALTER TABLE log.entries DISABLE TRIGGER append_only')
  const altered = await database.owner.unsafe(
    `UPDATE log.entries SET data = 'bob deleted nothing' WHERE index = 1 AND data = 'bob deleted report 7' RETURNING index`,
  )
  expect(altered).toHaveLength(1)
  // The server is not restarted: an audit asks past what it has in memory, which still is the honest bundle.
  const audit = await run(['audit', '--policy', policy, '--remember', head])
  expect(audit).toMatchObject({ code: 1, out: '' })
  expect(audit.err).toBe('error: entry 1: leaf hash differs from tile/0/000 (entry_differs)\n')
  expect(await readFile(head)).toEqual(remembered)
})
