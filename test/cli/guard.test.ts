import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { guardFolder } from '../../src/guard/file.ts'
import { createGuard } from '../../src/guard/guard.ts'
import { type CliResult, runCli } from '../support/run-cli.ts'
import { entriesUpTo, type StaticLog, staticLog } from '../support/static-log.ts'

let log: StaticLog
let data: string

beforeEach(async () => {
  log = await staticLog()
  log.publish(entriesUpTo(5))
  data = await mkdtemp(join(tmpdir(), 'prooflog-cli-'))
  log.intercept((request, response) => {
    if (request.url !== '/logs/default/checkpoint') return false
    response.end(log.files.get('checkpoint'))
    return true
  })
})
afterEach(async () => {
  await log.close()
  await rm(data, { recursive: true, force: true })
})

function adopt(...more: string[]): Promise<CliResult> {
  const args = ['guard', 'adopt', 'default', '--vkey', log.vkey, '--url', log.url, ...more]
  return runCli(args, { env: { PROOFLOG_DATA: data } })
}

test('the newest checkpoint becomes the guard of a server that lost it', async () => {
  const { code, out, err } = await adopt()
  expect({ code, out, err }).toMatchObject({ code: 0, out: expect.stringMatching(/is now the guard of/) })
  const guard = await createGuard(guardFolder(join(data, 'guard'))).read(log.origin)
  expect(Buffer.from(guard!.note)).toEqual(Buffer.from(log.files.get('checkpoint')!))
  expect(JSON.parse((await adopt('--json')).out)).toMatchObject({ origin: log.origin, changed: false })
})

test('a guard that holds another checkpoint is given up only by force', async () => {
  await adopt()
  const [file] = await readdir(join(data, 'guard'))
  const path = join(data, 'guard', file!)
  const note = await readFile(path, 'utf8')
  const other = note.replace(/\n\d+\n/, '\n1\n')
  await writeFile(path, other)
  const refused = await adopt()
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringMatching(/holds another checkpoint, of size 1;/),
  })
  expect(await readFile(path, 'utf8')).toBe(other)
  expect((await adopt('--force')).code).toBe(0)
  expect(await readFile(path, 'utf8')).toBe(note)
})

test('what the guard holds is shown, and an alarm is cleared, whether the server answers or not', async () => {
  await adopt()
  const env = { PROOFLOG_DATA: data }
  const offline = ['default', '--origin', log.origin]
  const place = join(data, 'guard')
  const shown = await runCli(['guard', 'show', ...offline], { env })
  expect(shown.out).toMatch(new RegExp(`^${log.origin}\n  ${place}: size 5, root `))
  await createGuard(guardFolder(place)).halt(log.origin, 'a witness saw another history')
  const stopped = await runCli(['guard', 'show', ...offline, '--json'], { env })
  expect(JSON.parse(stopped.out)).toMatchObject({
    origin: log.origin,
    guards: [{ place, tree_size: 5, damaged: false, halted: 'a witness saw another history' }],
  })
  const cleared = await runCli(['guard', 'clear', ...offline], { env })
  expect(cleared.out).toContain('it was stopped because: a witness saw another history')
  expect(await createGuard(guardFolder(place)).read(log.origin)).toMatchObject({ size: 5 })
  expect((await runCli(['guard', 'clear', ...offline], { env })).out).toContain('no alarm')
  const [file] = await readdir(place)
  await writeFile(join(place, file!), 'damaged')
  expect((await runCli(['guard', 'show', ...offline], { env })).out).toContain('no checkpoint of this log')
})

test('a lost guard is given what the others hold', async () => {
  const env = { PROOFLOG_DATA: data, PROOFLOG_GUARD: `${join(data, 'one')} ${join(data, 'two')}` }
  const command = ['guard', 'adopt', 'default', '--vkey', log.vkey, '--url', log.url, '--json']
  expect(JSON.parse((await runCli(command, { env })).out)).toMatchObject({
    places: [join(data, 'one'), join(data, 'two')],
  })
  await rm(join(data, 'two'), { recursive: true })
  expect(JSON.parse((await runCli(command, { env })).out)).toMatchObject({ places: [join(data, 'two')] })
})

test('a guard that cannot be asked is an answer of its own', async () => {
  const env = { PROOFLOG_GUARD: 'postgres://nobody:hidden@127.0.0.1:1/none' }
  const shown = await runCli(['guard', 'show', '--origin', log.origin], { env })
  expect(shown).toMatchObject({ code: 3, err: expect.stringContaining('guard_unavailable') })
  expect(shown.err).not.toContain('hidden')
  const unusable = await runCli(['guard', 'show', '--origin', log.origin], {
    env: { PROOFLOG_GUARD: 's3://bucket' },
  })
  expect(unusable).toMatchObject({ code: 2, err: expect.stringContaining('bucket_unusable') })
})

test.each([
  ['a place of no known kind', { PROOFLOG_GUARD: 'postgresq://nobody:hidden@127.0.0.1/none' }],
  ['a bucket with a secret before it', { PROOFLOG_GUARD: 's3://id:hidden@bucket/prefix' }],
  [
    'an endpoint with a password',
    { PROOFLOG_GUARD: 's3://bucket', AWS_ENDPOINT_URL: 'http://nobody:hidden@127.0.0.1:1' },
  ],
])('%s is refused, never taken for a folder, and its password is not shown', async (_, settings) => {
  const env = {
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'the secret',
    PROOFLOG_DEBUG: '1',
    ...settings,
  }
  const { code, out, err } = await runCli(['guard', 'show', '--origin', log.origin], { env })
  expect(code).toBe(2)
  expect(out + err).not.toMatch(/hidden|the secret/)
})
