// Every command of the README's "First proof" and "Use it", in its order, as it stands there: only the address, the folder
// and the file that is appended are other ones.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { type Service, serve } from '../../src/serve.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

let database: TestDatabase
let folder: string
let service: Service

beforeAll(async () => {
  database = await testDatabase('empty')
  folder = await mkdtemp(join(tmpdir(), 'prooflog-readme-'))
  const env = {
    DATABASE_URL: database.ownerUrl,
    PROOFLOG_DATA: join(folder, 'data'),
    PROOFLOG_PUBLISH_MS: '50',
    PORT: '0',
  }
  service = await serve(readConfig(env), pino({ level: 'silent' }))
  await writeFile(
    join(folder, 'dpkg.log'),
    Array.from({ length: 500 }, (_, i) => `2026-01-01 status installed ${i}\n`).join(''),
  )
})
afterAll(async () => {
  await service.stop()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

/** The shell blocks of a section. */
function blocksOf(section: string): string[] {
  const text = README.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...text.matchAll(/^```\n(.*?)^```$/gms)].map((match) => match[1] ?? '')
}

async function runInFolder(script: string): Promise<string> {
  const here = script
    .replaceAll('npm run -s prooflog --', `node ${join(ROOT, 'scripts/run.mjs')} src/cli/main.ts`)
    .replaceAll('/var/log/dpkg.log', 'dpkg.log')
    .replaceAll('http://127.0.0.1:8080', service.url)
  const { stdout } = await promisify(execFile)('bash', ['-euc', here], {
    cwd: folder,
    env: { PATH: process.env['PATH'], PROOFLOG_SERVER: service.url, PROOFLOG_DATA: join(folder, 'data') },
  })
  return stdout
}

test('"First proof" proves a line of a file, and audits the log', async () => {
  const blocks = blocksOf('First proof')
  expect(blocks.length, 'the README has its commands').toBeGreaterThanOrEqual(4)
  const printed = await runInFolder(blocks.join('\n'))
  expect(printed).toContain('verified\nindex     0\n')
  expect(printed).toContain('no difference')
  expect(await readFile(join(folder, 'line.tlog-proof'), 'utf8')).toMatch(
    /^c2sp\.org\/tlog-proof@v1\nindex 0\n/,
  )
})

test('"First event" finds an event, hands it on verified, and forgets its person', async () => {
  const printed = await runInFolder(blocksOf('First event').join('\n'))
  expect(printed).toContain('user.login')
  expect(printed).toContain('alice@example.com')
  expect(printed.match(/^verified$/gm)).toHaveLength(2)
  expect(printed).toContain('is done')
})

test('"Use it" speaks HTTP as it says', async () => {
  const curls = blocksOf('Use it').filter((block) => block.includes('curl'))
  expect(curls, 'the README has its requests').toHaveLength(1)
  const printed = await runInFolder(curls[0]?.replaceAll('curl ', 'curl -sSf ') ?? '')
  expect(printed).toContain('"count":2')
  expect(printed).toContain('c2sp.org/tlog-proof@v1')
  expect(printed).toContain('"consistency":[')
})
