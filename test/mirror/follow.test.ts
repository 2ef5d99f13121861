// The service and its mirrors: what it publishes gets there, and nothing waits for it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import { generateSkey, parseVkey, vkeyOf } from '../../src/core/keys.ts'
import { openNote } from '../../src/core/note.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { listen, type Listening } from '../../src/listen.ts'
import { parseMirrors } from '../../src/mirror/mirrors-file.ts'
import { serve, type Service } from '../../src/serve.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { testFolder } from '../support/engine.ts'
import { type TestMirror, testMirror } from '../support/mirror.ts'
import { runCli } from '../support/run-cli.ts'
import type { SignedTree } from '../support/signed-tree.ts'

let home: ReturnType<typeof testFolder>
let database: TestDatabase
let service: Service
let about: { origin: string; vkeys: string[] }
let mirror: TestMirror
let server: Listening
let lines: string[]

beforeEach(async () => {
  home = testFolder()
  database = await testDatabase()
  lines = []
  const config = readConfig({
    PORT: '0',
    DATABASE_URL: database.ownerUrl,
    PROOFLOG_DATA: home.folder,
    PROOFLOG_PUBLISH_MS: '50',
    PROOFLOG_SEARCH: 'off',
  })
  service = await serve(config, pino({ level: 'error' }, { write: (line: string) => void lines.push(line) }))
  about = (await (await fetch(`${service.url}/logs/default`)).json()) as typeof about
  const listed = about.vkeys.map((vkey) => ({ key: parseVkey(vkey), origin: about.origin }))
  mirror = await testMirror({ logs: [{ listed } as unknown as SignedTree] })
  mirror.now = Date.now()
  server = await listen(mirror.app.fetch, { host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  await service.stop()
  await server.close()
  await mirror.remove()
  await database.drop()
  home.remove()
})

function configure(text: string): void {
  mkdirSync(join(home.folder, 'policies'), { recursive: true })
  writeFileSync(join(home.folder, 'policies', 'default.mirrors'), text)
}

function linesOf(vkeys: readonly string[], url: string): string {
  return vkeys.map((vkey) => `mirror ${vkey} ${url}\n`).join('')
}

/** Appends, and resolves to the time it took until a checkpoint covers it to be published. */
async function append(entry: string): Promise<void> {
  const key = service.first!.adminKey
  const response = await fetch(`${service.url}/logs/default/entries?wait=published`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/octet-stream' },
    body: entry,
  })
  expect(response.status).toBe(200)
}

async function signedBy(): Promise<number> {
  const note = new Uint8Array(await (await fetch(`${service.url}/logs/default/checkpoint`)).arrayBuffer())
  return openNote(note, [...about.vkeys, ...mirror.vkeys].map(verifierOf)).verified.length
}

test('what is published is copied, and bears the signatures of the mirror; one that is dead holds up nothing', async () => {
  const dead = vkeyOf(generateSkey('dead.example', 0x04, new Uint8Array(32)))
  configure(`# our mirrors\n\n${linesOf(mirror.vkeys, server.url)}mirror ${dead} http://127.0.0.1:59999\n`)
  await append('first')
  await expect.poll(signedBy).toBe(4)
  await append('second')
  await expect.poll(signedBy).toBe(4)
  const ready = (await (await fetch(`${service.url}/readyz`)).json()) as {
    mirrors: { mirror: string; behind: number; problem: string | null }[]
  }
  expect(ready.mirrors.map(({ behind, problem }) => [behind, problem === null])).toEqual([
    [0, true],
    [2, false],
  ])
  const metrics = await (await fetch(`${service.url}/metrics`)).text()
  expect(metrics).toContain(`prooflog_mirror_behind_entries{log="default",mirror="${server.url}"} 0`)
  expect(metrics).toMatch(
    /prooflog_mirror_pushes_total\{log="default",mirror="http:\/\/127.0.0.1:59999",outcome="failed"\} [1-9]/,
  )
})

test('a file that is wrong is told, and stops nothing', async () => {
  configure('mirror nonsense http://127.0.0.1:59999\n')
  await append('first')
  await expect.poll(() => lines.join('')).toContain('invalid_mirrors')
  configure(linesOf(mirror.vkeys, server.url))
  await append('second')
  await expect.poll(signedBy).toBe(4)
})

describe('prooflog mirror push', () => {
  const push = (to: string, mirrorVkeys: readonly string[], ...more: readonly string[]) => {
    const from = `${service.url}/logs/default`
    const keyFile = join(home.folder, 'admin.key')
    const command = ['mirror', 'push', '--from', from, '--to', to, '--key-file', keyFile]
    return runCli([...command, '--mirror-vkey', ...mirrorVkeys, '--vkey', ...about.vkeys, ...more])
  }

  test('copies a log, and prints the checkpoint with the signatures', async () => {
    await append('first')
    const { code, out, err } = await push(server.url, mirror.vkeys)
    expect([code, err]).toEqual([0, ''])
    const keys = [...about.vkeys, ...mirror.vkeys].map(verifierOf)
    expect(openNote(encodeUtf8(out), keys).verified).toHaveLength(4)
    const json = await push(server.url, mirror.vkeys, '--json')
    expect(JSON.parse(json.out)).toMatchObject({ origin: about.origin, tree_size: 1 })
  })

  test('refuses the signature of another mirror', async () => {
    await append('first')
    const other = vkeyOf(generateSkey('mirror.example/m1', 0x04, new Uint8Array(32)))
    const { code, err } = await push(server.url, [other])
    expect([code, err]).toEqual([1, expect.stringContaining('invalid_answer')])
  })

  test('says that a mirror cannot be reached', async () => {
    const { code, err } = await push('http://127.0.0.1:59999', mirror.vkeys)
    expect([code, err]).toEqual([3, expect.stringContaining('mirror_unavailable')])
  })
})

test('prooflog mirror add-log: a log, or one more key, once, while the mirror runs or not', async () => {
  const other = vkeyOf(generateSkey('other.example/log', 0x01, new Uint8Array(32)))
  const env = { DATABASE_URL: mirror.database.ownerUrl }
  const added = async (...more: readonly string[]): Promise<unknown> => {
    const { out } = await runCli(['mirror', 'add-log', other, '--data', mirror.folder, '--json', ...more], {
      env,
    })
    return JSON.parse(out)
  }
  expect(await added()).toEqual({ origin: 'other.example/log', added: true })
  expect(await added()).toEqual({ origin: 'other.example/log', added: false })
  expect(await added('--origin', 'third.example/log')).toEqual({ origin: 'third.example/log', added: true })
  const none = await runCli(['mirror', 'add-log', other, '--data', home.folder], { env })
  expect([none.code, none.err]).toEqual([2, expect.stringContaining('there is no mirror')])
})

describe('a list of mirrors', () => {
  const [ed25519, mlDsa] = [0x04, 0x06].map((type) =>
    vkeyOf(generateSkey('m.example', type as 0x04, new Uint8Array(32))),
  )
  const logKey = vkeyOf(generateSkey('log.example', 0x01, new Uint8Array(32)))

  test('has one mirror for each address, however many keys', () => {
    const text = `# ours\nmirror ${ed25519} https://m.example/\n\nmirror ${mlDsa} https://m.example\nmirror ${ed25519} https://n.example\n`
    expect(parseMirrors(encodeUtf8(text))).toEqual([
      { url: 'https://m.example', vkeys: [ed25519, mlDsa] },
      { url: 'https://n.example', vkeys: [ed25519] },
    ])
  })

  test.each([
    ['another word', `witness ${ed25519} https://m.example`],
    ['no address', `mirror ${ed25519}`],
    ['an address that is none', `mirror ${ed25519} m.example`],
    ['another scheme', `mirror ${ed25519} file:///m`],
    ['a password in the address', `mirror ${ed25519} https://me:hidden@m.example`],
    ['a key that is none', 'mirror m.example https://m.example'],
    ['the key of a log', `mirror ${logKey} https://m.example`],
    ['more than that', `mirror ${ed25519} https://m.example more`],
  ])('is refused for %s, with the line', (_, line) => {
    expect(() => parseMirrors(encodeUtf8(`# first\n${line}\n`))).toThrow(/^Line 2 /)
  })
})
