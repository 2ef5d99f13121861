// Somebody else's log becomes ours: the whole of it, verified, or nothing of it.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { parseCheckpoint } from '../../src/core/checkpoint.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { parseNote } from '../../src/core/note.ts'
import type { CliResult } from '../support/run-cli.ts'
import { entriesUpTo, staticLog, type StaticLog } from '../support/static-log.ts'
import { type Home, newHome } from './home.ts'

let home: Home
let log: StaticLog

beforeEach(async () => {
  home = await newHome()
  log = await staticLog({ heads: false })
})
afterEach(async () => {
  await home.remove()
  await log.close()
})

function importIt(...more: readonly string[]): Promise<CliResult> {
  return home.run('import', '--from', log.url, '--log', 'taken', '--vkey', log.vkey, '--json', ...more)
}

async function logsInDatabase(): Promise<string[]> {
  const rows = await home.database.owner<{ name: string }[]>`SELECT name FROM log.logs ORDER BY name`
  return rows.map(({ name }) => name)
}

/** Of the entries and the source, which the same entries give. */
function rootOf(): string {
  return Buffer.from(parseCheckpoint(parseNote(log.files.get('checkpoint')!).text).root).toString('base64')
}

test.each([0, 1, 256, 10_300])('a log of %i entries has the same root here, and grows', async (size) => {
  log.publish([...entriesUpTo(size).slice(0, -1), ...entriesUpTo(1).slice(0, size)]) // the last repeats the first
  const imported = await importIt()
  expect(imported.err).toBe('')
  const result = JSON.parse(imported.out) as Record<string, unknown>
  expect(result).toMatchObject({
    origin: 'log.example/logs/taken',
    source_origin: log.origin,
    tree_size: size,
    sha256_root_hash: rootOf(),
    resumed_at: 0,
  })
  expect(readFileSync(String(result['checkpoint_file']))).toEqual(Buffer.from(log.files.get('checkpoint')!))

  const service = await home.start()
  const keyFile = join(home.folder, 'admin.key')
  const on = ['--url', service.url, '--log', 'taken', '--key-file', keyFile]
  const audited = await home.run('audit', ...on, '--json')
  expect(JSON.parse(audited.out)).toMatchObject({
    tree_size: size,
    sha256_root_hash: rootOf(),
    entries: true,
  })
  const vkeys = result['vkeys'] as string[]
  const key = readFileSync(keyFile, 'utf8').trim()
  const client = createClient({ url: `${service.url}/logs/taken`, key, vkeys })
  const again = await client.append('entry 0')
  expect(again).toMatchObject({ index: size, duplicate: false }) // no deduplication unless asked for
  await client.wait(again.index)
  expect((await home.run('audit', ...on, '--json')).code).toBe(0)
})

test('an import that is interrupted shows nothing, and the next run goes on', async () => {
  log.publish(entriesUpTo(20_000))
  const path = 'tile/entries/070'
  const bundle = log.files.get(path)!
  log.files.delete(path)
  expect(await importIt()).toMatchObject({ code: 1, err: expect.stringContaining(path) })
  expect(await logsInDatabase()).toEqual([])
  expect(existsSync(join(home.folder, 'keys', 'taken.keys'))).toBe(false)
  // A service that runs meanwhile sees nothing of it either.
  const service = await home.start()
  expect((await fetch(`${service.url}/logs/taken`)).status).toBe(404)
  // Nor is it taken for what somebody put into the database.
  const checked = await home.run('check')
  expect(checked.code, checked.out + checked.err).toBe(0)
  expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
  log.files.set(path, bundle)
  log.publish(entriesUpTo(21_000)) // it grew in between
  const imported = JSON.parse((await importIt()).out) as Record<string, unknown>
  expect(imported).toMatchObject({ tree_size: 21_000, sha256_root_hash: rootOf() })
  expect(imported['resumed_at']).toBeGreaterThan(4_000)
  expect(readdirSync(join(home.folder, 'imports'))).toEqual(['taken.checkpoint'])
  const on = ['--url', service.url, '--log', 'taken', '--key-file', join(home.folder, 'admin.key')]
  expect((await home.run('checkpoint', ...on, '--json')).code).toBe(0)
  await service.stop()
  expect(await importIt()).toMatchObject({ code: 1, err: expect.stringContaining('log_exists') })
})

test('a source that lies, or tells another story than before, is refused; what is true is kept', async () => {
  log.publish(entriesUpTo(18_000))
  const path = 'tile/entries/068'
  const bundle = log.files.get(path)!
  log.files.set(path, bundle.with(4, 0x21))
  expect(await importIt()).toMatchObject({ code: 1, err: expect.stringContaining('entry_differs') })
  expect(await logsInDatabase()).toEqual([])
  log.publish(entriesUpTo(18_000).map((entry, i) => (i === 7 ? Buffer.from('another') : entry)))
  const refused = await importIt()
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('copy_differs') })
  expect(refused.err).toContain('--anew')
  expect(await logsInDatabase()).toEqual([])
  expect((await importIt('--anew')).code).toBe(0)
  expect(await logsInDatabase()).toEqual(['taken'])
})

test('what cannot be taken over is refused before anything is read', async () => {
  log.publish(entriesUpTo(10))
  const stranger = generateSkey(log.origin, 0x01, new Uint8Array(32).fill(9))
  const signedByOthers = ['import', '--from', log.url, '--log', 'taken', '--vkey', vkeyOf(stranger)]
  expect((await home.run(...signedByOthers)).code).toBe(1)
  expect((await importIt('--origin', log.origin)).err).toContain('restore')
  expect((await importIt()).code).toBe(0)
  log.asked.length = 0
  expect((await importIt()).err).toContain('log_exists')
  expect(log.asked).toEqual([])
  const named = ['import', '--from', log.url, '--log', 'No Name', '--vkey', log.vkey]
  expect((await home.run(...named)).err).toContain('invalid_log_name')
})
