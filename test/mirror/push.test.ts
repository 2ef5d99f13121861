import { once } from 'node:events'
// Our client against our mirror, over HTTP: what one writes the other has to understand, whatever is between them.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { equalBytes } from '../../src/core/bytes.ts'
import { parseVkey } from '../../src/core/keys.ts'
import { openNote } from '../../src/core/note.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { listen, type Listening } from '../../src/listen.ts'
import type { Log } from '../../src/log/types.ts'
import { MirrorError } from '../../src/mirror/errors.ts'
import { sourceOfLog } from '../../src/mirror/log-source.ts'
import { type MirrorMemory, type MirrorTarget, pushLog } from '../../src/mirror/push-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { appendTexts, publishAll, testEngine, type TestEngine, testFolder, texts } from '../support/engine.ts'
import { pathOf, type TestMirror, testMirror } from '../support/mirror.ts'
import type { SignedTree } from '../support/signed-tree.ts'

const home = testFolder()
let database: TestDatabase
let origin: TestEngine
let created = 0
let log: Log
let mirror: TestMirror
let server: Listening
let memory: MirrorMemory

beforeAll(async () => {
  database = await testDatabase()
  origin = testEngine(database.url, { folder: home.folder })
})
afterAll(async () => {
  await origin.stop()
  await database.drop()
  home.remove()
})
beforeEach(async () => {
  const {
    name,
    vkeys,
    origin: prefix,
  } = await origin.engine.create({ name: `log-${created++}`, public: true })
  log = await origin.engine.open(name)
  const listed = vkeys.map((vkey) => ({ key: parseVkey(vkey), origin: prefix }))
  mirror = await testMirror({ logs: [{ listed } as unknown as SignedTree] })
  server = await listen(mirror.app.fetch, { host: '127.0.0.1', port: 0 })
  memory = { pending: 0, next: undefined }
})
afterEach(async () => {
  await server.close()
  await mirror.remove()
})

function target(more: Partial<MirrorTarget> = {}): MirrorTarget {
  return { url: server.url, vkeys: mirror.vkeys, timeout: 30_000, ...more }
}

async function grow(count: number): Promise<void> {
  await publishAll(origin, log, await appendTexts(log, texts(count, `at ${log.published().size}`)))
}

/** The copy has the entries and the root of the log, and the newest checkpoint of the mirror says so. */
async function checkCopied(size: number): Promise<void> {
  const info = (await mirror.store.logs()).find((one) => one.origin === log.info.origin)!
  const head = await mirror.store.head(info.id)
  expect(head.size).toBe(size)
  expect(equalBytes(head.root, log.published().root)).toBe(true)
  const [copied, own] = [await mirror.store.entries(info.id, 0, size), await log.entries(0, size)]
  expect(copied.findIndex((entry, i) => Buffer.compare(entry, own[i] ?? Buffer.of()) !== 0)).toBe(-1)
  const { body } = await mirror.get(`${pathOf({ origin: log.info.origin } as SignedTree)}/checkpoint`)
  expect(openNote(body, [...log.info.vkeys, ...mirror.vkeys].map(verifierOf)).verified).toHaveLength(4)
}

test('a log is copied, and then what it grows by; the signatures are those of the mirror', async () => {
  await grow(1000)
  const first = await pushLog(sourceOfLog(log), target(), memory)
  expect(first.signatures.map(({ name }) => name)).toEqual(['mirror.example/m1', 'mirror.example/m1'])
  await expect(checkCopied(1000)).resolves.toBeUndefined()
  await grow(700)
  await pushLog(sourceOfLog(log), target(), memory)
  await expect(checkCopied(1700)).resolves.toBeUndefined()
  expect(memory).toEqual({ pending: 1700, next: 1700 })
})

test('more than one request holds, and large entries', async () => {
  await grow(9000)
  const large = Array.from({ length: 300 }, (_, i) => Buffer.alloc(60_000, `${i} `))
  await publishAll(origin, log, await log.append(large))
  const steps: number[] = []
  await pushLog(sourceOfLog(log), target(), memory, ({ next }) => steps.push(next))
  expect(steps).toEqual(steps.toSorted((a, b) => a - b))
  expect(steps.length).toBeGreaterThan(3)
  await expect(checkCopied(9300)).resolves.toBeUndefined()
})

test('an empty log', async () => {
  await pushLog(sourceOfLog(log), target(), memory)
  await expect(checkCopied(0)).resolves.toBeUndefined()
})

test('whoever knows nothing of the mirror, or remembers what is no longer so, learns it', async () => {
  await grow(600)
  await pushLog(sourceOfLog(log), target(), memory)
  await grow(300)
  for (const wrong of [
    { pending: 0, next: undefined },
    { pending: 77, next: 5 },
    { pending: 900, next: 900 },
  ])
    await pushLog(sourceOfLog(log), target(), { ...wrong })
  await expect(checkCopied(900)).resolves.toBeUndefined()
})

test('a mirror that fails on a part of an upload is sent all of it in one request', async () => {
  await grow(20_000)
  const sizes: (number | string)[] = []
  const whole = target({
    fetch: async (url, init) => {
      if (!url.endsWith('add-entries')) return fetch(url, init)
      const streamed = !(init.body instanceof Uint8Array)
      const response = await fetch(url, init)
      sizes.push(streamed ? 'all' : response.status)
      return response.status === 202 && !streamed ? new Response('EOF', { status: 500 }) : response
    },
  })
  await pushLog(sourceOfLog(log), whole, memory)
  expect(sizes.slice(-1)).toEqual(['all'])
  expect(memory.wholeOnly).toBe(true)
  await expect(checkCopied(20_000)).resolves.toBeUndefined()
})

test('two push at once', async () => {
  await grow(9000)
  const pushes = [{ ...memory }, { ...memory }].map((one) => pushLog(sourceOfLog(log), target(), one))
  expect((await Promise.all(pushes)).map(({ size }) => size)).toEqual([9000, 9000])
  await expect(checkCopied(9000)).resolves.toBeUndefined()
})

test('an upload goes on where it was cut off', async () => {
  await grow(20_000)
  let requests = 0
  const cutOff = target({
    fetch: (url, init) => {
      if (++requests % 3 === 0) return Promise.reject(new TypeError('fetch failed'))
      return fetch(url, init)
    },
  })
  for (let failures = 0; ; failures++) {
    const pushed = await pushLog(sourceOfLog(log), cutOff, memory).catch((error: unknown) => error)
    if (!(pushed instanceof MirrorError)) break
    expect(pushed.code).toBe('mirror_unavailable')
    expect(failures).toBeLessThan(10)
  }
  await expect(checkCopied(20_000)).resolves.toBeUndefined()
})

describe('what a mirror answers is not believed', () => {
  let fake: Server | undefined
  afterEach(() => fake?.close())

  /** Passes on to the mirror, but for what `answer` takes over. */
  async function between(
    answer: (path: string, call: number) => Response | undefined,
  ): Promise<MirrorTarget> {
    let call = 0
    return target({ fetch: async (url, init) => answer(new URL(url).pathname, ++call) ?? fetch(url, init) })
  }

  const info = (text: string, status = 409): Response =>
    new Response(text, { status, headers: { 'content-type': 'text/x.tlog.mirror-info' } })

  test('a signature of a time to come is none: who verifies strictly would refuse the whole checkpoint', async () => {
    await grow(3)
    mirror.now = Date.now() + 7_200_000
    await expect(pushLog(sourceOfLog(log), target(), memory)).rejects.toMatchObject({
      code: 'invalid_answer',
      message: expect.stringContaining('time to come'),
    })
  })

  test.each([
    ['signatures of another', () => new Response('— other.example AAAAAAAAAAAAAAAA\n'), 'invalid_answer'],
    ['no signatures', () => new Response(''), 'invalid_answer'],
    ['a mirror-info that is none', () => info('many\n'), 'invalid_answer'],
    ['a mirror-info of another type', () => new Response('1\n1\n\n', { status: 202 }), 'mirror_refused'],
    ['the same mirror-info for ever', () => info('600\n0\n\n'), 'mirror_unavailable'],
    ['a next entry beyond the log, for ever', () => info('600\n700\n\n'), 'mirror_unavailable'],
    ['a checkpoint beyond the log, for ever', () => info('100000\n0\n\n'), 'mirror_unavailable'],
    ['an endless answer', () => new Response('x'.repeat(100_000)), 'invalid_answer'],
    ['422', () => new Response('no', { status: 422 }), 'mirror_contradicts'],
    ['404', () => new Response('no', { status: 404 }), 'mirror_refused'],
    ['503', () => new Response('no', { status: 503 }), 'mirror_unavailable'],
    ['429', () => new Response('no', { status: 429 }), 'mirror_unavailable'],
  ])('%s', async (_, answer, code) => {
    await grow(600)
    const lying = await between((path) => (path.endsWith('add-entries') ? answer() : undefined))
    await expect(pushLog(sourceOfLog(log), lying, memory)).rejects.toMatchObject({ code })
  })

  test('a redirect is not followed', async () => {
    await grow(1)
    fake = createServer((_, response) => void response.writeHead(307, { location: server.url }).end())
    fake.listen(0, '127.0.0.1')
    await once(fake, 'listening')
    const { port } = fake.address() as AddressInfo
    const push = pushLog(sourceOfLog(log), target({ url: `http://127.0.0.1:${port}` }), memory)
    await expect(push).rejects.toMatchObject({ code: 'mirror_unavailable' })
  })

  test('sizes that change all the time', async () => {
    await grow(600)
    const lying = await between((path, call) =>
      path.endsWith('add-checkpoint')
        ? new Response(`${call % 600}\n`, { status: 409, headers: { 'content-type': 'text/x.tlog.size' } })
        : undefined,
    )
    await expect(pushLog(sourceOfLog(log), lying, memory)).rejects.toMatchObject({
      code: 'mirror_unavailable',
    })
  })
})
