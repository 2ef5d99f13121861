import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseBundle } from '../../src/core/bundle.ts'
import { decodeUtf8 } from '../../src/core/bytes.ts'
import { type CliResult, runCli } from '../support/run-cli.ts'

let server: Server
let folder: string
/** What POST /logs/default/entries stored, one list per request. */
let batches: string[][]

beforeEach(async () => {
  batches = []
  folder = await mkdtemp(join(tmpdir(), 'prooflog-append-'))
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const entries = parseBundle(new Uint8Array(Buffer.concat(chunks)), { maxEntries: 8_192 }).map(
        decodeUtf8,
      )
      const first = batches.flat().length
      batches.push(entries)
      response.end(JSON.stringify({ count: entries.length, duplicates: 0, first_index: first }))
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
})
afterEach(async () => {
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
  await rm(folder, { recursive: true, force: true })
})

function append(args: readonly string[], stdin: string | Uint8Array = ''): Promise<CliResult> {
  const { port } = server.address() as AddressInfo
  return runCli(['append', ...args], { stdin, env: { PROOFLOG_SERVER: `http://127.0.0.1:${port}` } })
}

test('each line of standard input is an entry, byte for byte, empty ones and a last one without newline too', async () => {
  const result = await append([], 'one\n\n two \r\nthree')
  expect(batches.flat()).toEqual(['one', '', ' two \r', 'three'])
  expect(result).toMatchObject({ code: 0, out: '4 entries, first index 0\n', err: '' })
})

test('files are appended in the order given, - among them', async () => {
  await writeFile(join(folder, 'a'), 'a1\na2\n')
  await writeFile(join(folder, 'b'), 'b1\n')
  await append([join(folder, 'a'), '-', join(folder, 'b')], 'in\n')
  expect(batches.flat()).toEqual(['a1', 'a2', 'in', 'b1'])
})

test('--whole makes one entry of a file', async () => {
  await writeFile(join(folder, 'a'), 'a1\na2\n')
  expect((await append(['--whole', join(folder, 'a')])).out).toBe('entry 0\n')
  expect(batches).toEqual([['a1\na2\n']])
})

test('--batch bounds a request, and --indexes prints each index', async () => {
  const { out } = await append(['--batch', '2', '--indexes'], 'a\nb\nc\nd\ne\n')
  expect(batches).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  expect(out).toBe('0\n1\n2\n3\n4\n')
})

test('--json prints one object', async () => {
  const { out } = await append(['--json', '--indexes'], 'a\nb\n')
  expect(JSON.parse(out)).toEqual({ count: 2, duplicates: 0, first_index: 0, indexes: [0, 1] })
  expect(JSON.parse((await append(['--json'], '')).out)).toEqual({
    count: 0,
    duplicates: 0,
    first_index: null,
  })
})

test('a line that no entry can hold is refused by its number, and what is in the log already is said', async () => {
  const result = await append(['--batch', '1'], `a\nb\n${'x'.repeat(65_536)}\nd\n`)
  expect(result).toMatchObject({ code: 1, out: '' })
  expect(result.err).toMatch(/standard input, line 3: more than 65535 bytes/)
  expect(result.err).toMatch(/^(1|2) entries were acknowledged/)
  expect(batches.flat()).not.toContain('d')
})

test('the largest entry is accepted', async () => {
  expect((await append([], `${'x'.repeat(65_535)}\n`)).code).toBe(0)
})

test('a whole file that no entry can hold is refused', async () => {
  await writeFile(join(folder, 'a'), 'x'.repeat(65_536))
  expect(await append(['--whole', join(folder, 'a')])).toMatchObject({ code: 1, out: '' })
  expect(batches).toEqual([])
})

test('a file that is not there is wrong usage', async () => {
  expect(await append([join(folder, 'missing')])).toMatchObject({ code: 2, out: '' })
})
