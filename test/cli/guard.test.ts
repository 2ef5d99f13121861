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
