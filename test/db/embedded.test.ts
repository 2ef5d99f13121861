import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { type Embedded, runningEmbedded, startEmbedded } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { processLives } from '../../src/db/postmaster.ts'

const ROOT = new URL('../..', import.meta.url)
let folder: string
let dir: string
let started: Embedded[]
let children: ChildProcess[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prooflog-test-'))
  dir = join(folder, 'postgres')
  started = []
  children = []
})

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const server of started) await server.stop()
  await vi.waitUntil(async () => (await runningEmbedded(dir)) === undefined, 20_000)
  rmSync(folder, { recursive: true, force: true })
})

test('data outlives a stop and a start', async () => {
  const first = await start()
  await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer')
  await first.stop()
  expect(processLives(first.pid)).toBe(false)
  const second = await start()
  expect(await query(second.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
})

test('a folder that others may not enter will do, and only its owner reads the passwords', async () => {
  chmodSync(folder, 0o700)
  const server = await start()
  expect(await query(server.ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  for (const file of ['prooflog.password', 'prooflog.run.json']) {
    expect(statSync(join(dir, file)).mode & 0o077, file).toBe(0)
  }
})

test('the service logs in with the rights of prooflog_service and no others', async () => {
  const server = await start()
  await migrate(server.ownerUrl)
  expect(await query(server.url, 'SELECT count(*)::int AS n FROM log.logs')).toEqual([{ n: 0 }])
  await expect(query(server.url, 'CREATE TABLE log.mine ()')).rejects.toMatchObject({ code: '42501' })
  await expect(query(server.url, 'SET ROLE prooflog')).rejects.toMatchObject({ code: '42501' })
})

test('nobody gets in without the password', async () => {
  const server = await start()
  const guessed = new URL(server.ownerUrl)
  guessed.password = 'guessed'
  await expect(query(guessed.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
})

test('a second start on a folder in use is refused, and leaves the first alone', async () => {
  const server = await start()
  await expect(startEmbedded({ dir, fsync: false })).rejects.toMatchObject({
    code: 'embedded_in_use',
    message: expect.stringContaining(`process ${process.pid} runs its Postgres`),
  })
  expect(await query(server.ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
})

test('of two that start at once on a new folder, at most one is refused, and one runs', async () => {
  const both = await Promise.allSettled([start(), start()])
  const running = both.filter((one) => one.status === 'fulfilled').map((one) => one.value)
  expect(running).toHaveLength(1)
  expect(await query(running[0]!.ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
})

test('another process finds the running server', async () => {
  const server = await start()
  const { ownerUrl, url, pid } = server
  expect(await runningEmbedded(dir)).toMatchObject({ ownerUrl, url, pid })
  await server.stop()
  expect(await runningEmbedded(dir)).toBeUndefined()
})

test('settings are taken, whatever characters they hold', async () => {
  const server = await start({ work_mem: '7MB', 'app.motto': String.raw`it's a \ backslash` })
  expect(
    await query(server.url, `SELECT current_setting('work_mem') AS a, current_setting('app.motto') AS b`),
  ).toEqual([{ a: '7MB', b: String.raw`it's a \ backslash` }])
})

test('a killed program takes its server with it, and the next start has the data', async () => {
  const child = await startInChild()
  await query(child.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer')
  child.process.kill('SIGKILL')
  await vi.waitFor(() => expect(processLives(child.pid)).toBe(false), { timeout: 20_000, interval: 100 })
  const server = await start()
  expect(await query(server.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
})

test('a server that outlived its killed program is stopped by the next start, which says so', async () => {
  const child = await startInChild()
  // As if the watchdog had been killed as well: the starter's id, where it is noted, is that of a process that ended.
  child.process.kill('SIGSTOP') // alive, so that the watchdog waits
  const ended = spawn('true')
  await once(ended, 'exit')
  writeFileSync(join(socketDirOf(child.ownerUrl), 'starter.pid'), String(ended.pid))
  const said: string[] = []
  started.push(await startEmbedded({ dir, fsync: false, log: (message) => said.push(message) }))
  expect(said).toEqual([expect.stringContaining(`stopping the Postgres (process ${child.pid})`)])
  expect(processLives(child.pid)).toBe(false)
})

test('a server whose socket was cleaned away is stopped all the same, by us and by the watchdog', async () => {
  const first = await start()
  rmSync(socketDirOf(first.ownerUrl), { recursive: true })
  await expect(startEmbedded({ dir, fsync: false })).rejects.toMatchObject({ code: 'embedded_in_use' })
  await first.stop()
  expect(processLives(first.pid)).toBe(false)
  const child = await startInChild()
  rmSync(socketDirOf(child.ownerUrl), { recursive: true })
  child.process.kill('SIGKILL')
  await vi.waitFor(() => expect(processLives(child.pid)).toBe(false), { timeout: 20_000, interval: 100 })
})

test('the server starts again after it was killed itself', async () => {
  const child = await startInChild()
  process.kill(child.pid, 'SIGKILL')
  child.process.kill('SIGKILL')
  await once(child.process, 'exit')
  const server = await start()
  expect(await query(server.ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
})

test('a postmaster.pid whose number now belongs to another program does not block the start, nor hurt that program', async () => {
  await (await start()).stop()
  const other = spawn('sleep', ['60'])
  children.push(other)
  writeFileSync(join(dir, 'postmaster.pid'), `${other.pid}\n${dir}\n1\n5432\n/nonexistent\n\n1 1\nready\n`)
  const server = await start()
  expect(await query(server.ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  expect(other.exitCode ?? other.signalCode).toBeNull()
})

test('a server that cannot start says what its log says, and leaves nothing behind', async () => {
  await (await start()).stop()
  await expect(startEmbedded({ dir, settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
    code: 'embedded_failed',
    message: expect.stringContaining('shared_buffers'),
  })
  expect(existsSync(join(dir, 'postmaster.pid'))).toBe(false)
  expect(readFileSync(`${dir}.log`, 'utf8')).toContain('plenty')
})

function socketDirOf(url: string): string {
  return new URL(url).searchParams.get('host')!
}

async function start(settings: Record<string, string> = {}): Promise<Embedded> {
  const server = await startEmbedded({ dir, fsync: false, settings })
  started.push(server)
  return server
}

/** A program that starts the server and then waits to be killed. */
async function startInChild(): Promise<{ process: ChildProcess; ownerUrl: string; pid: number }> {
  const program = `
    const { startEmbedded } = await import('./src/db/embedded.ts')
    console.log(JSON.stringify(await startEmbedded({ dir: ${JSON.stringify(dir)}, fsync: false })))
    setInterval(() => {}, 1000)`
  const args = ['--import', 'tsx', '--input-type=module', '-e', program]
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  for await (const line of createInterface(child.stdout)) {
    return { process: child, ...(JSON.parse(line) as { ownerUrl: string; pid: number }) }
  }
  throw new Error('the child ended before its server ran')
}

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const { sql, close } = connect({ url, max: 1 })
  try {
    return [...(await sql.unsafe(statement))]
  } finally {
    await close()
  }
}
