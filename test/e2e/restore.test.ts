// Our log is lost, and a copy of it is not: it comes back with the same origin, keys and root, or not at all.
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decodeUtf8 } from '../../src/core/bytes.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { copyDatabase } from '../support/database.ts'
import type { CliResult } from '../support/run-cli.ts'
import { entriesUpTo, staticLog } from '../support/static-log.ts'
import { append, clientOf, type Home, logUrl, newHome, ORIGIN } from './home.ts'

let home: Home
/** A static copy, on another machine. */
let copy: string
/** What a client remembers from before. */
let remembered: string

beforeEach(async () => {
  home = await newHome()
  copy = join(home.folder, 'elsewhere', 'copy')
  remembered = join(home.folder, 'elsewhere', 'head.note')
  mkdirSync(join(home.folder, 'elsewhere'))
})
afterEach(() => home.remove())

/** The service runs for a while: entries, a remembered head in their middle, and a copy of all. */
async function live(count: number): Promise<Buffer> {
  const service = await home.start()
  await append(home, service, Math.ceil(count / 2), 'early')
  const on = ['--url', service.url, '--vkey', home.vkeys()[0]!]
  await exportCopy(on)
  expect((await home.run('checkpoint', ...on, '--remember', remembered)).code).toBe(0)
  await append(home, service, Math.floor(count / 2), 'late')
  await exportCopy(on)
  await service.stop()
  return readFileSync(join(copy, 'checkpoint'))
}

async function exportCopy(on: readonly string[]): Promise<void> {
  const exported = await home.run('export', ...on, '--to', copy)
  expect(exported.code, exported.err).toBe(0)
}

function restore(...more: readonly string[]): Promise<CliResult> {
  return home.run('restore', '--from', copy, '--log', 'default', '--json', ...more)
}

async function checkpointsInDatabase(): Promise<string[]> {
  const rows = await home.database.owner<
    { note: Uint8Array }[]
  >`SELECT note FROM log.checkpoints ORDER BY seq`
  return rows.map(({ note }) => decodeUtf8(new Uint8Array(note)))
}

async function entriesInDatabase(): Promise<number> {
  const [row] = await home.database.owner<{ n: number }[]>`
    SELECT coalesce(sum(size), 0)::int AS n FROM log.heads h JOIN log.logs l USING (log_id)`
  return row!.n
}

/** The service starts, is well, grows, and whoever remembers an older head finds it continued. */
async function goesOn(size: number): Promise<void> {
  const service = await home.start()
  const head = await clientOf(home, service).checkpoint()
  expect(head.checkpoint).toMatchObject({ origin: ORIGIN, size })
  expect(await append(home, service, 300, 'after')).toBe(size + 300)
  // The journal was lost with the database, and nobody has a copy of it: the guard says so.
  const { problems = [] } = (await (await fetch(`${service.url}/readyz`)).json()) as {
    problems?: { log: string }[]
  }
  expect(problems.filter(({ log }) => log !== '_meta')).toEqual([])
  const key = join(home.folder, 'admin.key')
  const on = ['--url', service.url, '--key-file', key, '--vkey', home.vkeys()[0]!]
  const audited = await home.run('audit', ...on, '--remember', remembered, '--json')
  expect(audited.err).toBe('')
  expect(JSON.parse(audited.out)).toMatchObject({ tree_size: size + 300, entries: true })
  expect(JSON.parse(audited.out)).not.toMatchObject({ remembered_size: null })
  await service.stop()
}

describe('restore', () => {
  test('rebuilds a lost log: same root, its last checkpoint is the first, and it goes on', async () => {
    const note = await live(9_000)
    await home.loseDatabase()
    const restored = await restore()
    expect(restored.err).toBe('')
    expect(JSON.parse(restored.out)).toMatchObject({
      origin: ORIGIN,
      vkeys: home.vkeys(),
      tree_size: 9_000,
      from_size: 0,
      guarded_size: 9_000,
    })
    expect(note.toString()).toContain(JSON.parse(restored.out)['sha256_root_hash'])
    expect(await checkpointsInDatabase()).toEqual([note.toString()])
    await goesOn(9_000)
  })

  test('takes a copy that is newer than the guard, and sets the guard to it', async () => {
    const note = await live(600)
    const guard = join(home.folder, 'guard')
    rmSync(guard, { recursive: true })
    await home.loseDatabase()
    const restored = await restore()
    expect(restored).toMatchObject({ code: 0, err: expect.stringContaining('the guard knew nothing') })
    const shown = await home.run('guard', 'show', '--origin', ORIGIN, '--json')
    expect(JSON.parse(shown.out).guards).toMatchObject([{ tree_size: 600, checkpoint: note.toString() }])
    await goesOn(600)
  })

  test('refuses a copy that lacks entries which were signed', async () => {
    await live(600)
    const old = join(home.folder, 'elsewhere', 'old')
    renameSync(copy, old)
    const service = await home.start()
    await append(home, service, 100, 'lost')
    await service.stop()
    renameSync(old, copy)
    await home.loseDatabase()
    const refused = await restore()
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('copy_behind') })
    expect(JSON.parse(refused.err)).toMatchObject({
      error: { remembered: expect.stringContaining('\n700\n'), offered: expect.stringContaining('\n600\n') },
    })
    expect(await entriesInDatabase()).toBe(0)
    expect(await checkpointsInDatabase()).toEqual([])
  })

  test('refuses another history, though the log itself signed it', async () => {
    await live(600)
    const fork = await forkOf(700)
    await home.loseDatabase()
    const refused = await home.run('restore', '--from', fork.url, '--log', 'default', '--json')
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('copy_differs') })
    expect(JSON.parse(refused.err)).toMatchObject({
      error: { remembered: expect.stringContaining('\n600\n'), offered: expect.stringContaining('\n700\n') },
    })
    expect(await entriesInDatabase()).toBe(0)
    await fork.close()
    expect((await restore()).code).toBe(0)
    await goesOn(600)
  })

  test('refuses what the log did not sign, or its mirror did not cosign', async () => {
    await live(300)
    await home.loseDatabase()
    const mirror = vkeyOf(generateSkey('mirror.example', 0x04, new Uint8Array(32).fill(5)))
    expect((await restore('--cosigner', mirror)).err).toContain('policy_quorum_not_met')
    const path = join(copy, 'checkpoint')
    const good = readFileSync(path, 'utf8')
    writeFileSync(path, good.replace('\n300\n', '\n299\n'))
    expect((await restore()).err).toContain('signature_invalid')
    writeFileSync(path, good)
    const bundle = join(copy, 'tile/entries/000')
    const bytes = readFileSync(bundle)
    writeFileSync(bundle, bytes.with(4, 0x21))
    expect((await restore()).err).toContain('entry_differs')
    expect(await entriesInDatabase()).toBe(0)
    writeFileSync(bundle, bytes)
    expect((await restore()).code).toBe(0)
    await goesOn(300)
  })

  test('needs the keys, and says so', async () => {
    await live(300)
    await home.loseDatabase()
    const keys = join(home.folder, 'keys', 'default.keys')
    renameSync(keys, `${keys}.safe`)
    const refused = await restore()
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('keys_missing') })
    expect(refused.err).toContain('from its backup')
    const stranger = generateSkey('log.example/logs/other', 0x01, new Uint8Array(32).fill(3))
    writeFileSync(keys, `${stranger}\n`)
    expect((await restore()).err).toContain('signature_missing')
    rmSync(keys)
    renameSync(`${keys}.safe`, keys)
    expect((await restore()).code).toBe(0)
  })

  test('of a log that an alarm stopped waits for the operator', async () => {
    await live(300)
    await home.loseDatabase()
    const guard = join(home.folder, 'guard')
    writeFileSync(join(guard, `${readdirSync(guard)[0]!}.halted`), 'a witness saw another history')
    expect((await restore()).err).toContain('a witness saw another history')
    expect(await entriesInDatabase()).toBe(0)
    expect((await home.run('guard', 'clear', 'default', '--origin', ORIGIN)).out).toContain('goes on')
    expect((await restore()).code).toBe(0)
  })

  test('that is interrupted goes on, wherever that was', async () => {
    const note = await live(18_000)
    await home.loseDatabase()
    const bundle = join(copy, 'tile/entries/066')
    renameSync(bundle, `${bundle}.away`)
    expect((await restore()).err).toContain('tile_missing')
    renameSync(`${bundle}.away`, bundle)
    const restored = JSON.parse((await restore()).out) as Record<string, unknown>
    expect(restored['from_size']).toBeGreaterThan(0)
    expect(await checkpointsInDatabase()).toEqual([note.toString()])
    await goesOn(18_000)
  })

  test('a retired key stays retired', async () => {
    await home.start().then((service) => service.stop())
    const keys = join(home.folder, 'keys', 'default.keys')
    const active = home.vkeys()
    await live(300)
    const retired = generateSkey(ORIGIN, 0x01, new Uint8Array(32).fill(8))
    writeFileSync(keys, `${retired}\n${readFileSync(keys, 'utf8')}`)
    await home.loseDatabase()
    expect(JSON.parse((await restore()).out)).toMatchObject({ vkeys: active })
    const service = await home.start()
    expect(await append(home, service, 10, 'after')).toBe(310)
    const info = (await (await fetch(logUrl(service))).json()) as { vkeys: string[] }
    expect(info.vkeys).toEqual(active)
    await service.stop()
  })
})

describe('an older copy of the database', () => {
  test('is completed from the copy, while no service runs', async () => {
    let service = await home.start()
    await append(home, service, 5_000, 'early')
    const on = ['--url', service.url, '--vkey', home.vkeys()[0]!]
    expect((await home.run('checkpoint', ...on, '--remember', remembered)).code).toBe(0)
    await service.stop()
    const backup = await copyDatabase(home.database)
    service = await home.start()
    await append(home, service, 5_000, 'late')
    await exportCopy(['--url', service.url, '--vkey', home.vkeys()[0]!])
    await service.stop()

    home.database = backup
    service = await home.start()
    expect((await fetch(`${service.url}/readyz`)).status).toBe(503)
    expect((await restore()).err).toContain('service_running')
    await service.stop()
    const restored = await restore()
    expect(JSON.parse(restored.out), restored.err).toMatchObject({ tree_size: 10_000, from_size: 5_000 })
    expect((await checkpointsInDatabase()).at(-1)).toBe(readFileSync(join(copy, 'checkpoint'), 'utf8'))
    await goesOn(10_000)
    await backup.drop()
  })

  test('that is ahead of the copy, or of another log, is left alone', async () => {
    await live(300)
    let service = await home.start()
    await append(home, service, 50, 'later')
    await service.stop()
    expect((await restore()).err).toContain('copy_behind')
    const keys = join(home.folder, 'keys')
    copyFileSync(join(keys, 'default.keys'), join(keys, 'other.keys'))
    const other = await home.run('restore', '--from', copy, '--log', 'other', '--json')
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('log_exists') })
    service = await home.start()
    expect(await append(home, service, 1, 'well')).toBe(351)
    await service.stop()
  })
})

/** A thief of the key signs another history of that size. */
async function forkOf(size: number): ReturnType<typeof staticLog> {
  const [skey] = readFileSync(join(home.folder, 'keys', 'default.keys'), 'utf8').split('\n')
  const fork = await staticLog({ origin: ORIGIN, heads: false, skey: skey! })
  fork.publish(entriesUpTo(size))
  return fork
}
