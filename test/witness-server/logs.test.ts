import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { formatLogList } from '../../src/core/log-list.ts'
import { connect } from '../../src/db/connect.ts'
import { readLogList } from '../../src/read-log-list.ts'
import { followLogLists, type ListOutcome } from '../../src/witness/log-lists.ts'
import { runCli } from '../support/run-cli.ts'
import { signedTree } from '../support/signed-tree.ts'
import { testWitness, type TestWitness } from '../support/witness.ts'

const NAME = 'witness.example/w1'
const a = signedTree('log.example/a')
const b = signedTree('log.example/b')
const thief = signedTree(a.origin)
const impostor = signedTree(NAME)
let undo: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step()
})

async function start(...args: Parameters<typeof testWitness>): Promise<TestWitness> {
  const witness = await testWitness(...args)
  undo.push(() => witness.remove())
  return witness
}

test('lists are read again: what is new is added, nothing is replaced or removed, and a bad list adds nothing', async () => {
  const witness = await start([])
  const db = connect({ url: witness.database.url, max: 1 })
  undo.push(() => db.close())
  let list = formatLogList(a.listed)
  const outcomes: ListOutcome[] = []
  const lists = await followLogLists(['here'], {
    db,
    ownName: NAME,
    read: () => Promise.resolve(Buffer.from(list)),
    onRead: (_, outcome) => void outcomes.push(outcome),
    interval: 10,
  })
  undo.push(() => lists.close())
  expect(outcomes).toEqual([{ added: [a.origin], otherKey: [] }])
  const next = (text: string): Promise<unknown> => {
    list = text
    const from = outcomes.length
    return expect.poll(() => outcomes.length).toBeGreaterThan(from + 1)
  }
  await next(formatLogList([...thief.listed, ...b.listed]))
  expect(outcomes).toContainEqual({ added: [b.origin], otherKey: [a.origin] })
  await next('logs/v0\n')
  await next(formatLogList([...impostor.listed, ...signedTree('log.example/c').listed]))
  expect(outcomes.at(-1)).toMatchObject({ failure: { code: 'own_name' } })
  await next('logs/v0\nnonsense\n')
  expect(outcomes.at(-1)).toMatchObject({ failure: { code: 'invalid_log_list' } })
  await expect.poll(async () => (await witness.post(await a.advance(0, 2))).status).toBe(200)
  await expect.poll(async () => (await witness.post(await b.advance(0, 2))).status).toBe(200)
  expect((await witness.post(await thief.advance(2, 3))).status).toBe(403)
  expect((await witness.get('/')).text).toContain('"logs":2')
})

test('a list in a file; one that is not there does not keep the witness from its work', async () => {
  const witness = await start([])
  const file = join(witness.folder, 'list')
  writeFileSync(file, formatLogList(a.listed))
  await witness.restart({ logLists: [join(witness.folder, 'none'), file] })
  expect((await witness.post(await a.advance(0, 2))).status).toBe(200)
  expect((await witness.get('/readyz')).status).toBe(200)
  expect((await witness.get('/metrics')).text).toMatch(
    /list_reads_total\{source=".*none",outcome="failed"\} 1/,
  )
})

test('a list at an address; one that answers with an error, or is too large, adds nothing', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/list') response.end(formatLogList(a.listed))
    else if (request.url === '/large') response.end(`logs/v0\n${'# more\n'.repeat(5_000_000)}`)
    else response.writeHead(500).end(formatLogList(b.listed))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  undo.push(() => new Promise((resolve) => server.close(resolve)))
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await expect(readLogList(`${at}/large`)).rejects.toThrow('larger')
  const witness = await start([], { logLists: [`${at}/broken`, `${at}/list`] })
  expect((await witness.post(await a.advance(0, 2))).status).toBe(200)
  expect((await witness.post(await b.advance(0, 2))).status).toBe(404)
})

test('no log may have the name of the witness', async () => {
  const witness = await start([])
  await expect(witness.restart({ logs: impostor.listed })).rejects.toMatchObject({ code: 'own_name' })
  await witness.restart()
  const { code, err } = await cli(witness, 'add-log', impostor.vkeys[0]!)
  expect(code, err).toBe(1)
})

test('a witness keeps its name and its keys', async () => {
  const witness = await start([])
  const vkeys = [...witness.vkeys]
  await expect(witness.restart({ name: 'witness.example/w2' })).rejects.toMatchObject({
    code: 'wrong_key_file',
  })
  await witness.restart({ mlDsa: false })
  expect(witness.vkeys).toEqual(vkeys.slice(0, 1))
  await witness.restart()
  expect(witness.vkeys).toEqual(vkeys)
})

test('witness add-log and list-logs, while it runs', async () => {
  const witness = await start([])
  const [vkey = ''] = a.vkeys
  expect((await cli(witness, 'add-log', vkey)).out).toBe('log.example/a is witnessed\n')
  expect((await cli(witness, 'add-log', vkey)).out).toContain('already')
  expect((await cli(witness, 'add-log', vkey, '--origin', 'another name')).out).toBe(
    'another name is witnessed\n',
  )
  await expect.poll(async () => (await witness.post(await a.advance(0, 2))).status).toBe(200)
  const { out } = await cli(witness, 'list-logs')
  expect(out).toMatch(/^log\.example\/a +2 +20\S+Z +command line$/m)
  expect(out).toMatch(/^another name +- +never +command line$/m)
  const listed = await cli(witness, 'list-logs', '--json')
  expect(listed.code, listed.err).toBe(0)
  const { logs } = JSON.parse(listed.out) as { logs: object[] }
  expect(logs).toContainEqual(expect.objectContaining({ origin: a.origin, vkeys: [vkey], tree_size: 2 }))
  expect(logs).toHaveLength(2)
})

test.each([
  ['no name', []],
  ['a URL as name', ['--name', 'https://witness.example']],
  ['a name with a space', ['--name', 'w 1']],
  ['a key that is none', ['--name', 'w', '--add-log', 'x']],
  ["a witness's key as log", ['--name', 'w', '--add-log', signedTree('w', { types: [0x04] }).vkeys[0]!]],
  ['an origin without a log', ['--name', 'w', '--origin', 'x']],
  ['a rate of 0', ['--name', 'w', '--rate', '0']],
])('wrong usage: %s is exit code 2, and nothing is made', async (_, args) => {
  expect((await runCli(['witness', ...args, '--data', '/nonexistent/data'])).code).toBe(2)
})

function cli(witness: TestWitness, ...args: string[]) {
  return runCli(['witness', ...args, '--data', witness.folder], {
    env: { DATABASE_URL: witness.database.ownerUrl },
  })
}
