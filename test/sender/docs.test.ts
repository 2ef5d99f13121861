// Every program of docs/sdk.md, as it stands there: compiled against the SDK, and run. Only addresses and folders are other ones.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Receiver, startReceiver } from './receiver.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const DOCS = readFileSync(join(ROOT, 'docs/sdk.md'), 'utf8')
const PROGRAMS = new Map(
  [...DOCS.matchAll(/^```ts\n\/\/ (\S+\.ts)\n(.*?)^```$/gms)].map(([, name = '', text = '']) => [name, text]),
)
const PACKAGES = ['hono', '@hono/node-server', 'express', 'fastify', '@types', 'tsx']
const TSX = join(ROOT, 'node_modules/tsx/dist/esm/index.mjs')

let folder: string
let receiver: Receiver
let port: number

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prooflog-sdk-'))
  receiver = await startReceiver()
  port = await freePort()
  await layOut()
})
afterAll(async () => {
  await receiver.close()
  await rm(folder, { recursive: true, force: true })
})

/** A project that has prooflog among its packages, and the programs. */
async function layOut(): Promise<void> {
  for (const name of PACKAGES) {
    const link = join(folder, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(ROOT, 'node_modules', name), link)
  }
  const prooflog = join(folder, 'node_modules/prooflog')
  await mkdir(prooflog)
  await symlink(join(ROOT, 'src'), join(prooflog, 'src'))
  const exports = { './sender': './src/sender/index.ts' }
  await writeFile(
    join(prooflog, 'package.json'),
    JSON.stringify({ name: 'prooflog', type: 'module', exports }),
  )
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  const tsconfig = { extends: join(ROOT, 'tsconfig.json'), include: ['*.ts'] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  for (const [name, text] of PROGRAMS) {
    const here = text
      .replaceAll('https://audit.example.com/logs/default', receiver.url)
      .replaceAll('/var/lib/my-service', folder)
      .replaceAll('3000', String(port))
    await writeFile(join(folder, name), here)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const env = { PATH: process.env['PATH'], AUDIT_KEY: 'pl_docs' }

test('the programs of the page compile', { timeout: 60_000 }, async () => {
  expect(PROGRAMS.size).toBe(6)
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', folder]).catch(
    (error: { stdout: string }) => error,
  )
  expect(stdout).toBe('')
})

test('those that end deliver what they record', { timeout: 60_000 }, async () => {
  for (const name of ['delete-document.ts', 'watched.ts']) {
    await promisify(execFile)(process.execPath, ['--import', TSX, name], { cwd: folder, env })
  }
  expect(receiver.taken.map(({ event }) => event['action'])).toEqual(['document.delete', 'service.start'])
  expect(receiver.requests.map(({ key }) => key)).toEqual(['Bearer pl_docs', 'Bearer pl_docs'])
  expect(existsSync(join(folder, 'audit/cursor'))).toBe(true)
})

test('each framework records a request with what the page shows', { timeout: 60_000 }, async () => {
  for (const [name, action] of [
    ['with-hono.ts', 'http.get'],
    ['with-express.ts', 'http.get'],
    ['with-fastify.ts', 'document.read'],
  ]) {
    const before = receiver.taken.length
    const child = spawn(process.execPath, ['--import', TSX, name ?? ''], {
      cwd: folder,
      env,
      stdio: 'inherit',
    })
    const url = `http://localhost:${port}/documents/7`
    const headers = { 'x-user': 'u-17', 'x-session-name': 's-1', 'x-forwarded-for': '203.0.113.9' }
    for (let tries = 0; tries < 1_000 && receiver.taken.length === before; tries++) {
      await fetch(url, { headers }).catch(() => undefined)
      await sleep(50)
    }
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    await rm(join(folder, 'audit'), { recursive: true }) // what was not delivered is the next one's no more
    expect(receiver.taken[before]?.event, name).toMatchObject({
      action,
      http: { path: '/documents/7', status: 200 },
    })
  }
  const [express] = receiver.taken.filter(({ event }) => event['actor'] && event['action'] === 'http.get')
  expect(express?.event).toMatchObject({
    actor: { id: 'u-17' },
    auth: { session_id: 's-1' },
    src: { ip: '203.0.113.9' },
  })
})
