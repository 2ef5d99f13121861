// The program as a shell sees it: exit codes, pipes, and nothing on standard output but the result.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { entriesUpTo, type StaticLog, staticLog } from '../support/static-log.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const PROGRAM = [join(ROOT, 'scripts/run.mjs'), 'src/cli/main.ts']

let log: StaticLog
let folder: string

beforeAll(async () => {
  log = await staticLog()
  log.publish(entriesUpTo(5000))
  const answer = log.files
  log.intercept((request, response) => {
    const file = answer.get((request.url ?? '').replace('/logs/default/', ''))
    response.writeHead(file ? 200 : 404).end(file)
    return true
  })
  folder = await mkdtemp(join(tmpdir(), 'prooflog-process-'))
})
afterAll(async () => {
  await log.close()
  await rm(folder, { recursive: true, force: true })
})

function start(args: readonly string[]) {
  return spawn(process.execPath, [...PROGRAM, ...args], {
    cwd: ROOT,
    env: { ...process.env, PROOFLOG_SERVER: log.url, PROOFLOG_DATA: folder },
  })
}

async function run(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = start(args)
  child.stdin.end()
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

test('a verified proof is exit code 0, another entry 1, wrong usage 2, no server 3', async () => {
  const proof = join(folder, 'p.tlog-proof')
  const vkey = ['--vkey', log.vkey]
  const verify = ['verify', '--proof', proof, ...vkey, '--line']
  expect(await run(['prove', '7', '-o', proof, ...vkey])).toMatchObject({ code: 0, err: '' })
  const [good, bad, usage, gone] = await Promise.all([
    run([...verify, 'entry 7']),
    run([...verify, 'entry 8']),
    run(['verify']),
    run(['log', 'show', '--url', await closedAddress()]),
  ])
  expect(good).toMatchObject({ code: 0, err: '' })
  expect(bad).toMatchObject({ code: 1, out: '' })
  expect(usage).toMatchObject({ code: 2, out: '' })
  expect(gone).toMatchObject({ code: 3, out: '' })
})

test('a reader that goes away ends the program without a stack', async () => {
  const child = start(['get', '0-4999', '--vkey', log.vkey])
  let err = ''
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  await once(child.stdout, 'data')
  child.stdout.destroy()
  const [code] = (await once(child, 'close')) as [number | null]
  expect([code, err]).toEqual([141, ''])
})

test('all that was asked for arrives through a pipe', async () => {
  const { code, out } = await run(['get', '0-4999', '--vkey', log.vkey])
  expect(code).toBe(0)
  expect(out.split('\n')).toHaveLength(5001)
})

async function closedAddress(): Promise<string> {
  const other = await staticLog()
  await other.close()
  return other.url
}
