// What the service answers while the world around it fails, and that it goes on by itself afterwards.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { serve, type Service } from '../../src/serve.ts'
import { checkLog } from '../support/check-log.ts'
import { copyDatabase, exchangeDatabases, type TestDatabase, testDatabase } from '../support/database.ts'
import { appendTexts, publishAll, testEngine, testFolder, texts } from '../support/engine.ts'
import { proxyTo } from '../support/proxy.ts'
import { runCli } from '../support/run-cli.ts'
import { adminKey } from '../support/service.ts'

const PATIENCE = { timeout: 40_000, interval: 50 }
let home: ReturnType<typeof testFolder>
let database: TestDatabase
let services: Service[]

beforeEach(async () => {
  home = testFolder()
  database = await testDatabase()
  services = []
})
afterEach(async () => {
  for (const service of services) await service.stop()
  await database.drop()
  home.remove()
})

async function start(url: string): Promise<Service> {
  const config = readConfig({
    DATABASE_URL: url,
    PROOFLOG_DATA: home.folder,
    PROOFLOG_PUBLISH_MS: '50',
    PROOFLOG_LOG_LEVEL: 'silent',
    PORT: '0',
  })
  const service = await serve(config)
  services.push(service)
  return service
}

function post(service: Service, path: string, body: string): Promise<Response> {
  const headers = {
    authorization: `Bearer ${adminKey(home.folder)}`,
    'content-type': 'application/octet-stream',
  }
  return fetch(`${service.url}/logs/default/${path}`, { method: 'POST', headers, body })
}

async function readiness(service: Service): Promise<{ status: number; text: string }> {
  const response = await fetch(`${service.url}/readyz`)
  return { status: response.status, text: await response.text() }
}

async function expectReady(service: Service): Promise<void> {
  await vi.waitFor(async () => expect(await readiness(service)).toMatchObject({ status: 200 }), PATIENCE)
}

test('the database goes away: 503 with Retry-After, alive and not ready; it comes back, and all is well', async () => {
  const proxy = await proxyTo(database.ownerUrl)
  const service = await start(proxy.url)
  expect(await (await post(service, 'add', 'before')).text()).toBe('0')
  for (let outage = 0; outage < 2; outage++) {
    await proxy.down()
    for (const path of ['add', 'entries']) {
      const refused = await post(service, path, `during ${outage}`)
      expect(refused.status).toBe(503)
      expect(refused.headers.get('retry-after')).toMatch(/^[1-9][0-9]*$/)
    }
    expect(await readiness(service)).toMatchObject({ status: 503 })
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
    await proxy.up()
    await expectReady(service)
    const answered = await vi.waitFor(async () => {
      const response = await post(service, 'entries?wait=published', `after ${outage}`)
      expect(response.status).toBe(200)
      return response
    }, PATIENCE)
    expect(await answered.json()).toMatchObject({ index: outage + 1 })
  }
  await service.stop()
  await proxy.down()
})

test('an older copy of the database: not ready, and why; the newest one put back: ready again', async () => {
  const service = await start(database.ownerUrl)
  expect((await post(service, 'entries?wait=published', 'first')).status).toBe(200)
  const older = await copyDatabase(database)
  await expectReady(service)
  await vi.waitFor(async () => {
    expect((await post(service, 'entries?wait=published', 'second')).status).toBe(200)
  }, PATIENCE)
  await exchangeDatabases(database, older)
  await vi.waitFor(async () => {
    const { status, text } = await readiness(service)
    expect({ status, text }).toEqual({
      status: 503,
      text: expect.stringContaining('this is an older copy of the database'),
    })
  }, PATIENCE)
  const refused = await post(service, 'add', 'would be lost')
  expect(refused.status).toBe(503)
  expect(await refused.json()).toMatchObject({ code: 'log_contradicted' })
  // Stop and start do not help: this is what an operator tries first.
  await service.stop()
  const again = await start(database.ownerUrl)
  expect(await readiness(again)).toMatchObject({
    status: 503,
    text: expect.stringContaining('docs/operations.md'),
  })
  await exchangeDatabases(database, older)
  await expectReady(again)
  expect(await (await post(again, 'add', 'third')).text()).toBe('2')
  await again.stop()
  await older.drop()
})

test('what a superuser changed with the triggers off, the audit names by its index', async () => {
  const service = await start(database.ownerUrl)
  for (const text of texts(12)) expect((await post(service, 'add', text)).status).toBe(200)
  await vi.waitFor(async () => {
    expect((await audit(service)).code).toBe(0)
  }, PATIENCE)
  await service.stop()
  const refused = database.owner`UPDATE log.entries SET data = 'forged' WHERE index = 7`
  await expect(refused).rejects.toMatchObject({ code: '23001' })
  await database.owner`ALTER TABLE log.entries DISABLE TRIGGER ALL`
  await database.owner`UPDATE log.entries SET data = 'forged' WHERE index = 7`
  const again = await start(database.ownerUrl)
  const { code, err } = await audit(again)
  expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/\bentry 7\b/) })
})

function audit(service: Service): ReturnType<typeof runCli> {
  return runCli(['audit', '--url', service.url], { env: { PROOFLOG_DATA: home.folder } })
}

/** Needs root, to mount a file system of a few megabytes, and a Postgres on this machine. */
const CAN_MOUNT =
  process.env['TEST_DATABASE_URL'] === undefined &&
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  mounts()

test.skipIf(!CAN_MOUNT)(
  'a full disk: appends are refused and nothing is half stored; with room again they go on',
  async () => {
    const mount = join(home.folder, 'small')
    mkdirSync(mount)
    chmodSync(home.folder, 0o711) // Postgres runs as another user, who must be able to enter
    const [setting] = await database.owner`SHOW data_directory`
    const { uid, gid } = statSync(String(setting!['data_directory']))
    run('mount', ['-t', 'tmpfs', '-o', `size=6m,uid=${uid},gid=${gid},mode=0700`, 'tmpfs', mount])
    const engine = testEngine(database.url, { folder: home.folder })
    const tablespace = `${database.name}_small`
    try {
      await database.owner.unsafe(`CREATE TABLESPACE ${tablespace} LOCATION '${mount}'`)
      await database.owner.unsafe(`ALTER TABLE log.entries SET TABLESPACE ${tablespace}`)
      await engine.engine.create({ name: 'small' })
      const log = await engine.engine.open('small')
      const batches = Array.from({ length: 40 }, (_, i) => texts(100, `${'x'.repeat(3000)} batch ${i}`))
      let full = 0
      for (; full < batches.length; full++) {
        const failure = await appendTexts(log, batches[full]!).then(
          () => undefined,
          (error: unknown) => error,
        )
        if (failure === undefined) continue
        expect(failure).toMatchObject({
          code: 'store_unavailable',
          message: expect.stringContaining('53100'),
        })
        break
      }
      expect(full).toBeGreaterThan(0)
      expect(full).toBeLessThan(batches.length)
      await publishAll(engine, log, [])
      expect((await checkLog(log)).entries.length).toBe(full * 100)
      run('mount', ['-o', 'remount,size=64m', mount])
      for (const batch of batches.slice(full)) await publishAll(engine, log, await appendTexts(log, batch))
      expect((await checkLog(log)).entries.length).toBe(4000)
    } finally {
      await engine.stop()
      await database.owner.unsafe(`ALTER TABLE log.entries SET TABLESPACE pg_default`)
      await database.owner.unsafe(`DROP TABLESPACE IF EXISTS ${tablespace}`)
      run('umount', [mount])
    }
  },
)

function mounts(): boolean {
  const { folder, remove } = testFolder()
  try {
    run('mount', ['-t', 'tmpfs', 'tmpfs', folder])
    run('umount', [folder])
    return true
  } catch {
    return false // a container without the right to
  } finally {
    remove()
  }
}

function run(tool: 'mount' | 'umount', args: readonly string[]): void {
  execFileSync(tool, args, { stdio: 'pipe' })
}
