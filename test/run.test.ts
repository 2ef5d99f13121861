import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const LAUNCHER = fileURLToPath(new URL('../scripts/run.mjs', import.meta.url))
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'prooflog-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('arguments, stdin, stdout, stderr and exit code are those of the program', () => {
  const { status, stdout, stderr } = launch(
    `import { text } from 'node:stream/consumers'
     const input: string = await text(process.stdin)
     console.log(JSON.stringify([process.argv.slice(2), input]))
     console.error('aside')
     process.exitCode = 5`,
    ['--flag', 'two words', ''],
    'line 1\nline 2',
  )
  expect(JSON.parse(stdout)).toEqual([['--flag', 'two words', ''], 'line 1\nline 2'])
  expect(stderr).toBe('aside\n')
  expect(status).toBe(5)
})

test('a signal reaches the program itself', () => {
  const program = `process.once('SIGTERM', () => { console.log('stopping'); process.exit(7) })
    setInterval(() => {}, 1000)
    process.kill(process.pid, 'SIGTERM')`
  expect(launch(program)).toMatchObject({ status: 7, stdout: 'stopping\n' })
})

test('an older Node is refused in words', () => {
  const script = join(folder, 'old.mjs')
  const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.9' } })`
  writeFileSync(script, `${old}\nawait import(${JSON.stringify(`file://${LAUNCHER}`)})`)
  const { status, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  expect(stderr).toBe('prooflog: this is Node 20.18.9; prooflog needs 20.19 or newer (https://nodejs.org)\n')
  expect(status).toBe(1)
})

function launch(
  program: string,
  args: string[] = [],
  input = '',
): ReturnType<typeof spawnSync> & { stdout: string } {
  const file = join(folder, 'program.mts')
  writeFileSync(file, program)
  return spawnSync(process.execPath, [LAUNCHER, file, ...args], { encoding: 'utf8', input, cwd: folder })
}
