import { createHmac } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { witnessPath } from '../support/monitored.ts'
import { type CliInput, type CliResult, runCli } from '../support/run-cli.ts'
import { entriesUpTo, signedCheckpoint, type StaticLog, staticLog } from '../support/static-log.ts'

let log: StaticLog
let folder: string

beforeEach(async () => {
  log = await staticLog()
  folder = await mkdtemp(join(tmpdir(), 'prooflog-monitor-'))
})
afterEach(async () => {
  await log.close()
  await rm(folder, { recursive: true, force: true })
})

function monitor(more: readonly string[], input: CliInput = {}): Promise<CliResult> {
  return runCli(['monitor', log.url, '--vkey', log.vkey, ...more], input)
}

function path(name: string): string {
  return join(folder, name)
}

function forked(count: number): Uint8Array[] {
  return entriesUpTo(count).map((entry, i) => (i < 3 ? entry : encodeUtf8(`other ${i}`)))
}

interface Hook {
  readonly url: string
  readonly got: { body: string; signature: string | undefined }[]
  /** Status of the next answers. */
  status: number
  server: Server
}

async function webhook(): Promise<Hook> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      hook.got.push({ body, signature: request.headers['prooflog-signature']?.toString() })
      response.writeHead(hook.status).end()
      hook.status = 204
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?channel=1`
  const hook: Hook = { url, got: [], status: 204, server }
  return hook
}

describe('one round', () => {
  test('of an honest log says what it verified, and first that it trusts on first use', async () => {
    log.publish(entriesUpTo(300))
    const first = await monitor(['--once', '--state', path('state'), '--entries'])
    expect(first).toMatchObject({ code: 0, err: expect.stringContaining('trusted on first use') })
    expect(first.out).toMatch(/^2\S+Z {2}size 300, root \S+; 300 entries hashed\n$/)
    log.publish(entriesUpTo(301))
    const second = await monitor(['--once', '--state', path('state'), '--json'])
    expect(second).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(second.out)).toMatchObject({
      tree_size: 301,
      first_use: false,
      violations: [],
      failure: null,
    })
    expect((await stat(path('state'))).mode % 0o1000).toBe(0o600)
  })

  test('of a fork ends with 1, and keeps evidence that proves it to anybody offline', async () => {
    log.publish(entriesUpTo(300))
    await monitor(['--once', '--state', path('state')])
    const remembered = log.files.get('checkpoint')!
    log.publish(forked(400))
    const offered = log.files.get('checkpoint')!
    const args = ['--once', '--state', path('state'), '--evidence', path('evidence')]
    const found = await monitor(args)
    expect(found).toMatchObject({ code: 1, out: '' })
    expect(found.err).toContain('violation: fork: the log signed two histories')
    const [kept = ''] = await readdir(path('evidence'))
    expect(kept).toMatch(/^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-fork$/)
    const evidence = join(path('evidence'), kept)
    expect(new Uint8Array(await readFile(join(evidence, 'remembered.note')))).toEqual(remembered)
    expect(new Uint8Array(await readFile(join(evidence, 'offered.note')))).toEqual(offered)

    await monitor(args)
    expect(await readdir(path('evidence')), 'nothing is overwritten').toHaveLength(2)
    await log.close()
    const verify = (vkey: string) => runCli(['verify-evidence', evidence, '--vkey', vkey])
    expect(await verify(log.vkey)).toMatchObject({ code: 0, out: expect.stringContaining('fork proven') })
    const stranger = vkeyOf(generateSkey(log.origin, 0x01, new Uint8Array(32).fill(9)))
    expect(await verify(stranger)).toMatchObject({
      code: 1,
      err: expect.stringContaining('signature_missing'),
    })
    await writeFile(join(evidence, 'remembered.note'), signedCheckpoint(log.skey, log.origin, forked(300)))
    expect(await verify(log.vkey), 'two notes that agree').toMatchObject({ code: 1 })
  })

  test('of a log that went back ends with 1 and prints both notes', async () => {
    log.publish(entriesUpTo(5))
    await monitor(['--once', '--state', path('state')])
    log.publish(entriesUpTo(4))
    const found = await monitor(['--once', '--state', path('state')])
    expect(found.code).toBe(1)
    expect(found.err).toMatch(/\(rewound\)\n--- remembered\n.+\n5\n[^]+--- offered\n.+\n4\n/)
  })

  test('of a log and a witness that were shown different histories ends with 1 without any state', async () => {
    log.publish(entriesUpTo(300))
    log.files.set(witnessPath(log.origin), signedCheckpoint(log.skey, log.origin, forked(200)))
    expect(await monitor(['--once', '--witness', log.url])).toMatchObject({
      code: 1,
      err: expect.stringContaining('split_view'),
    })
  })

  test('of a log that cannot be reached ends with 3, of an address without a log with 1', async () => {
    expect(await monitor(['--once'])).toMatchObject({ code: 1, err: expect.stringContaining('not_found') })
    await log.close()
    expect(await monitor(['--once'])).toMatchObject({ code: 3, err: expect.stringContaining('unreachable') })
  })

  test('reads a folder too', async () => {
    log.publish(entriesUpTo(0))
    await writeFile(path('checkpoint'), log.files.get('checkpoint')!)
    expect(await runCli(['monitor', folder, '--vkey', log.vkey, '--once'])).toMatchObject({ code: 0 })
  })

  test.each([
    [['--keep-going'], 'needs a place'],
    [['--webhook', 'ftp://x'], 'not an http'],
    [['--interval', '5'], 'must be a time'],
    [['--witness', 'nowhere'], 'not the http'],
  ])('with %j is refused', async (args, message) => {
    expect(await monitor(['--once', ...args])).toMatchObject({
      code: 2,
      err: expect.stringContaining(message),
    })
  })

  test('with a state that is none, or of another log, is refused and leaves it as it is', async () => {
    log.publish(entriesUpTo(5))
    await writeFile(path('state'), 'x')
    expect(await monitor(['--once', '--state', path('state')])).toMatchObject({ code: 2 })
    await rm(path('state'))
    await monitor(['--once', '--state', path('state')])
    const before = await readFile(path('state'), 'utf8')
    const stranger = vkeyOf(generateSkey('log.example/two', 0x01, new Uint8Array(32).fill(5)))
    const other = ['monitor', log.url, '--vkey', stranger, '--once', '--state', path('state')]
    expect(await runCli(other)).toMatchObject({ code: 2, err: expect.stringContaining('not believed') })
    expect(await readFile(path('state'), 'utf8')).toBe(before)
  })
})

describe('round after round', () => {
  test('a violation ends it with 1', async () => {
    log.publish(entriesUpTo(5))
    log.files.set('checkpoint', encodeUtf8('nonsense'))
    expect(await monitor([], { stopped: new Promise(() => {}) })).toMatchObject({
      code: 1,
      err: expect.stringContaining('checkpoint_malformed'),
    })
  })

  test('with --keep-going a violation is told once, and again when it comes back', async () => {
    const hook = await webhook()
    hook.status = 500 // the first time; it is called again
    log.publish(entriesUpTo(5))
    const good = log.files.get('checkpoint')!
    const bad = encodeUtf8('nonsense')
    let stop = (): void => {}
    const stopped = new Promise<void>((resolve) => (stop = resolve))
    const rounds = () => log.asked.filter((asked) => asked === 'checkpoint').length
    const running = monitor(
      ['--keep-going', '--interval', '1s', '--webhook', hook.url, '--evidence', path('evidence'), '--json'],
      { stopped, env: { PROOFLOG_WEBHOOK_SECRET: 'secret' } },
    )
    const after = (count: number) => vi.waitFor(() => expect(rounds()).toBeGreaterThanOrEqual(count), 20_000)
    await after(1)
    for (const note of [bad, good, bad]) {
      log.files.set('checkpoint', note)
      await after(rounds() + 3)
    }
    stop()
    const { code, err, out } = await running
    expect(code).toBe(0)
    expect(err.match(/^violation: /gm)).toHaveLength(2)
    expect(await readdir(path('evidence'))).toHaveLength(2)
    expect(out.split('\n').length).toBeGreaterThan(9)
    hook.server.close()
    expect(hook.got).toHaveLength(3)
    for (const { body, signature } of hook.got) {
      expect(signature).toBe(`sha256=${createHmac('sha256', 'secret').update(body).digest('hex')}`)
      expect(JSON.parse(body)).toMatchObject({
        code: 'checkpoint_malformed',
        log: log.url,
        offered: 'nonsense',
      })
    }
  })

  test('a second monitor with the same state file is refused while the first runs', async () => {
    log.publish(entriesUpTo(5))
    let stop = (): void => {}
    const stopped = new Promise<void>((resolve) => (stop = resolve))
    const first = monitor(['--state', path('state')], { stopped })
    await vi.waitFor(() => stat(path('state')), 20_000)
    const second = await monitor(['--once', '--state', path('state')])
    expect(second).toMatchObject({ code: 2, err: expect.stringContaining('another monitor uses') })
    stop()
    expect(await first).toMatchObject({ code: 0 })
    expect(await monitor(['--once', '--state', path('state')])).toMatchObject({ code: 0 })
  })

  test('a log that is away for a while is a warning, told once', async () => {
    log.publish(entriesUpTo(5))
    let stop = (): void => {}
    const stopped = new Promise<void>((resolve) => (stop = resolve))
    const running = monitor(['--interval', '1s'], { stopped })
    await vi.waitFor(() => expect(log.asked.length).toBeGreaterThanOrEqual(2), 20_000)
    const { url } = log
    log.intercept((_request, response) => {
      response.writeHead(503, { 'retry-after': '0' }).end()
      return true
    })
    const before = log.asked.length
    await vi.waitFor(() => expect(log.asked.length).toBeGreaterThan(before + 8), 20_000)
    stop()
    const { code, err } = await running
    expect(code).toBe(0)
    expect(err.match(/could not be asked/g), url).toHaveLength(1)
  })
})
