// A real S3 server that nobody here wrote: guards in its buckets, and logs exported to them and taken back.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AwsClient } from 'aws4fetch'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createGuard } from '../../src/guard/guard.ts'
import { guardBucket } from '../../src/guard/s3.ts'
import { type Bucket, openBucket } from '../../src/s3/bucket.ts'
import { s3Settings } from '../../src/s3/settings.ts'
import { append, clientOf, type Home, newHome, ORIGIN } from '../e2e/home.ts'
import { guardContract } from '../guard/guard.contract.ts'
import { buildGateway, whyNoGo } from './programs.ts'
import { freePort } from './witnesses.ts'

const noGo = await whyNoGo()
if (noGo !== undefined) console.warn(`INTEROP SKIPPED, nothing is checked: ${noGo}`)

const env: Record<string, string> = {
  AWS_ACCESS_KEY_ID: 'prooflog',
  AWS_SECRET_ACCESS_KEY: 'only-for-this-test',
  AWS_REGION: 'us-east-1',
}
let places = 0

function bucketAt(prefix: string): Bucket {
  return openBucket(`s3://logs/${prefix}`, s3Settings(env))
}

describe.skipIf(noGo !== undefined)('an S3 server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-bucket-'))
  let gateway: ChildProcess

  beforeAll(async () => {
    await buildGateway(folder)
    mkdirSync(join(folder, 'objects', 'logs'), { recursive: true })
    const port = await freePort()
    env['AWS_ENDPOINT_URL_S3'] = `http://127.0.0.1:${port}`
    gateway = spawn(
      join(folder, 'versitygw'),
      ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', join(folder, 'objects')],
      {
        env: {
          ROOT_ACCESS_KEY: env['AWS_ACCESS_KEY_ID'],
          ROOT_SECRET_KEY: env['AWS_SECRET_ACCESS_KEY'],
        } as NodeJS.ProcessEnv,
        stdio: 'ignore',
      },
    )
    await vi.waitFor(() => bucketAt('x').get('ready', 1), { timeout: 20_000, interval: 100 })
  })
  afterAll(async () => {
    if (gateway?.exitCode === null) {
      gateway.kill()
      await once(gateway, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  })

  test('keeps conditions: of many who write at once, one does', async () => {
    const bucket = bucketAt('conditions')
    for (let round = 0; round < 20; round++) {
      const key = `race-${round}`
      // Each its own content: an etag names content, not a version.
      const write = (options: { ifMatch?: string; ifNone?: boolean }): Promise<number> =>
        winners(Array.from({ length: 8 }, () => bucket.put(key, randomBytes(10), options)))
      expect(await write({ ifNone: true })).toBe(1)
      const { etag } = (await bucket.get(key, 10))!
      expect(await write({ ifMatch: etag })).toBe(1)
      expect(await write({ ifMatch: etag })).toBe(0)
      expect(await write({ ifNone: true })).toBe(0)
    }
    await expect(bucket.put('none', Buffer.from('x'), { ifMatch: '"00"' })).rejects.toMatchObject({
      code: 'object_changed',
    })
  })

  test('a wrong secret is refused', async () => {
    const bucket = openBucket('s3://logs', s3Settings({ ...env, AWS_SECRET_ACCESS_KEY: 'wrong' }))
    await expect(bucket.get('ready', 1)).rejects.toMatchObject({ code: 'bucket_refused' })
  })

  guardContract('a bucket', async (fresh) => {
    if (fresh) places++
    return guardBucket(bucketAt(`guard-${places}`))
  })

  test('guards a service, together with a folder; is exported to, and restores what was lost', async () => {
    const guards = `${join(folder, 'guard')} s3://logs/service/guard`
    const home = await newHome({ ...env, PROOFLOG_GUARD: guards })
    try {
      expect(await sizeAfterLoss(home)).toBe(810)
    } finally {
      await home.remove()
    }
  })
})

/** Runs through a life with export, loss, restore and alarm; the size that the restored log grew to. */
async function sizeAfterLoss(home: Home): Promise<number> {
  let service = await home.start()
  await append(home, service, 700, 'early')
  const copy = 's3://logs/service/copy'
  const on = ['--url', service.url, '--vkey', home.vkeys()[0]!]
  expect(await home.run('export', ...on, '--to', copy, '--json')).toMatchObject({ code: 0 })
  await append(home, service, 100, 'late')
  const exported = await home.run('export', ...on, '--to', copy, '--json')
  expect(JSON.parse(exported.out)).toMatchObject({ from_size: 700, tree_size: 800 })
  await service.stop()
  const shown = JSON.parse((await home.run('guard', 'show', '--origin', ORIGIN, '--json')).out) as {
    guards: unknown[]
  }
  expect(shown.guards).toMatchObject([
    { tree_size: 800 },
    { place: 's3://logs/service/guard', tree_size: 800 },
  ])

  const { headers } = await new AwsClient({
    accessKeyId: env['AWS_ACCESS_KEY_ID']!,
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY']!,
    service: 's3',
  }).fetch(`${env['AWS_ENDPOINT_URL_S3']}/logs/service/copy/tile/entries/000`)
  expect(headers.get('cache-control')).toContain('immutable')
  expect(headers.get('content-type')).toBe('application/octet-stream')
  const vkey = home.vkeys()[0]!
  const imported = await home.run('import', '--from', copy, '--log', 'taken', '--vkey', vkey, '--json')
  expect(JSON.parse(imported.out), imported.err).toMatchObject({ tree_size: 800 })

  await home.loseDatabase()
  const restored = await home.run('restore', '--from', copy, '--log', 'default', '--json')
  expect(JSON.parse(restored.out), restored.err).toMatchObject({ tree_size: 800, guarded_size: 800 })
  service = await home.start()
  expect(await append(home, service, 10, 'after')).toBe(810)
  const { checkpoint } = await clientOf(home, service).checkpoint()

  // An alarm at one place stops the service.
  await createGuard(guardBucket(openBucket('s3://logs/service/guard', s3Settings(env)))).halt(ORIGIN, 'alarm')
  await clientOf(home, service).append('never signed')
  await vi.waitFor(async () => expect((await fetch(`${service.url}/readyz`)).status).toBe(503), {
    timeout: 20_000,
    interval: 100,
  })
  await service.stop()
  return checkpoint.size
}

async function winners(writes: readonly Promise<void>[]): Promise<number> {
  const outcomes = await Promise.allSettled(writes)
  return outcomes.filter(({ status }) => status === 'fulfilled').length
}
