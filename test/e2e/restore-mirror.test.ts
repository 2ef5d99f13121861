// The isolated copy pays off: our database, and all that was in it, comes back from a mirror of somebody else.
import { createHash } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { generateSkey, parseVkey, vkeyOf } from '../../src/core/keys.ts'
import { type MirrorService, serveMirror } from '../../src/serve-mirror.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { testFolder } from '../support/engine.ts'
import { append, clientOf, type Home, logUrl, newHome, ORIGIN } from './home.ts'

const TOKEN = 'a token of the mirror'.replaceAll(' ', '-')
let home: Home
let elsewhere: ReturnType<typeof testFolder>
let database: TestDatabase
let mirror: MirrorService | undefined

beforeEach(async () => {
  home = await newHome()
  elsewhere = testFolder()
  database = await testDatabase('empty')
})
afterEach(async () => {
  await mirror?.stop()
  await database.drop()
  elsewhere.remove()
  await home.remove()
})

async function startMirror(): Promise<MirrorService> {
  const config = readConfig({
    PROOFLOG_DATA: elsewhere.folder,
    DATABASE_URL: database.ownerUrl,
    PROOFLOG_LOG_LEVEL: 'silent',
    PORT: '0',
  })
  const logs = home.vkeys().map((vkey) => ({ key: parseVkey(vkey), origin: ORIGIN }))
  const settings = { name: 'mirror.example', logLists: [], logs, rate: 1_000, readToken: TOKEN }
  return serveMirror(config, settings, pino({ level: 'silent' }))
}

test('a log that was lost is rebuilt from a private mirror, under its cosignature', async () => {
  let service = await home.start()
  await append(home, service, 5_000, 'early')
  mirror = await startMirror()
  const on = ['--vkey', home.vkeys()[0]!, '--key-file', join(home.folder, 'admin.key')]
  const to = ['--to', mirror.url, '--mirror-vkey', ...mirror.vkeys]
  const pushed = await home.run('mirror', 'push', '--from', logUrl(service), ...to, ...on)
  expect(pushed.code, pushed.err).toBe(0)
  const remembered = join(elsewhere.folder, 'head.note')
  const from = ['--url', service.url, ...on]
  expect((await home.run('checkpoint', ...from, '--remember', remembered)).code).toBe(0)
  const { checkpoint } = await clientOf(home, service).checkpoint()
  await service.stop()

  await home.loseDatabase()
  const token = join(elsewhere.folder, 'token')
  writeFileSync(token, TOKEN)
  const copy = `${mirror.url}/${createHash('sha256').update(ORIGIN).digest('hex')}`
  const restore = ['restore', '--from', copy, '--log', 'default', '--json']
  expect((await home.run(...restore, '--cosigner', ...mirror.vkeys)).code).toBe(1) // its entries need the token
  const key = ['--key-file', token]
  const stranger = vkeyOf(generateSkey('mirror.example', 0x04, new Uint8Array(32).fill(5)))
  const refused = await home.run(...restore, ...key, '--cosigner', stranger)
  expect(refused.err).toContain('policy_quorum_not_met')
  const restored = await home.run(...restore, ...key, '--cosigner', ...mirror.vkeys)
  expect(JSON.parse(restored.out), restored.err).toMatchObject({
    origin: ORIGIN,
    vkeys: home.vkeys(),
    tree_size: 5_000,
    sha256_root_hash: Buffer.from(checkpoint.root).toString('base64'),
    guarded_size: 5_000,
  })

  // What the mirror holds and what the clients remember goes on, and the mirror follows.
  rmSync(join(home.folder, 'admin.key'))
  service = await home.start()
  expect(await append(home, service, 500, 'after')).toBe(5_500)
  const again = ['--url', service.url, ...on, '--remember', remembered]
  expect(await home.run('audit', ...again)).toMatchObject({ code: 0, err: '' })
  const followed = await home.run('mirror', 'push', '--from', logUrl(service), ...to, ...on)
  expect(followed.code, followed.err).toBe(0)
  expect(followed.out).toContain(`${ORIGIN}\n5500\n`)
  await service.stop()
})
