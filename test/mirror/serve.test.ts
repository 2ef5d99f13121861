// What a mirror serves besides uploads, and how it behaves on a real socket.
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { toBase64 } from '../../src/core/bytes.ts'
import { parseNote, parseSignatures } from '../../src/core/note.ts'
import { verifySubtreeSignature } from '../../src/core/subtree-signature.ts'
import { listen, type Listening } from '../../src/listen.ts'
import { buffersInUse, growthDuring } from '../support/memory.ts'
import {
  checkCopy,
  gzipped,
  infoOf,
  originLog,
  pathOf,
  signedTime,
  type TestMirror,
  testMirror,
  uploadBody,
  uploadHeader,
} from '../support/mirror.ts'
import type { SignedTree } from '../support/signed-tree.ts'

let log: SignedTree
let mirror: TestMirror
let server: Listening | undefined

beforeEach(() => {
  log = originLog()
  server = undefined
})
afterEach(async () => {
  await server?.close()
  await mirror.remove()
})

async function copied(size: number, settings = {}): Promise<void> {
  mirror = await testMirror({ logs: [log], settings })
  await mirror.advance(log, 0, size)
  signedTime(mirror, log, size, await mirror.upload(uploadBody(log, { start: 0, end: size })))
}

describe('the copy', () => {
  test('is immutable but for its checkpoint, and may be read by any page', async () => {
    await copied(300)
    const headers = (path: string) =>
      mirror
        .get(pathOf(log) + path)
        .then((reply) => [
          reply.status,
          ...['content-type', 'cache-control', 'access-control-allow-origin'].map((name) =>
            reply.headers.get(name),
          ),
        ])
    expect(await headers('/checkpoint')).toEqual([200, 'text/plain; charset=utf-8', 'no-cache', '*'])
    const immutable = [200, 'application/octet-stream', 'public, max-age=604800, immutable', '*']
    expect(await headers('/tile/0/000')).toEqual(immutable)
    expect(await headers('/tile/entries/001.p/44')).toEqual(immutable)
  })

  test('is 404 where there is nothing (yet), and where a path is not canonical; no cache keeps that', async () => {
    await copied(300)
    const tiles = [
      '0/001',
      '0/001.p/45',
      '1/000',
      '2/000',
      '0/x000/000',
      '00/000',
      '0/000.p/0',
      'entries/001',
      '0/000?x',
      '0/%3000',
      '',
    ]
    for (const path of [...tiles.map((tile) => `/tile/${tile}`), '/tile', '/checkpoint/', '']) {
      const reply = await mirror.get(pathOf(log) + path)
      expect([reply.status, reply.headers.get('cache-control')], path).toEqual([404, 'no-store'])
    }
  })

  test('entries that are stored and not signed yet are not served', async () => {
    await copied(300)
    await mirror.advance(log, 300, 1000)
    await mirror.upload(uploadBody(log, { start: 300, end: 1000, packages: 2 }))
    expect((await mirror.get(`${pathOf(log)}/tile/entries/001`)).status).toBe(404)
    await expect(checkCopy(mirror, log, 300)).resolves.toBeUndefined()
  })

  test('of an origin that is not known, or of which nothing was brought, is not there', async () => {
    mirror = await testMirror({ logs: [log] })
    for (const path of [pathOf(log), pathOf(originLog('other.example')), '/abc', `/${'0'.repeat(64)}`])
      expect((await mirror.get(`${path}/checkpoint`)).status).toBe(404)
  })

  test('can be private: entries for those who have the token, hashes for everybody', async () => {
    await copied(300, { readToken: 'a-token-of-some-length' })
    const entries = (authorization?: string) =>
      mirror.get(`${pathOf(log)}/tile/entries/000`, authorization === undefined ? {} : { authorization })
    for (const wrong of [
      undefined,
      'Bearer another',
      'a-token-of-some-length',
      'Bearer a-token-of-some-lengt',
    ])
      expect((await entries(wrong)).status).toBe(401)
    const reply = await entries('Bearer a-token-of-some-length')
    expect([reply.status, reply.headers.get('cache-control')]).toEqual([
      200,
      'private, max-age=604800, immutable',
    ])
    expect((await mirror.get(`${pathOf(log)}/tile/0/000`)).status).toBe(200)
  })
})

describe('the other routes', () => {
  test('answer OPTIONS and refuse other methods', async () => {
    mirror = await testMirror({ logs: [log] })
    for (const [path, method, allow] of [
      ['/add-entries', 'GET', 'POST, OPTIONS'],
      ['/add-checkpoint', 'PUT', 'POST, OPTIONS'],
      ['/sign-subtree', 'DELETE', 'POST, OPTIONS'],
      [`${pathOf(log)}/checkpoint`, 'POST', 'GET, HEAD, OPTIONS'],
      [`${pathOf(log)}/tile/0/000`, 'POST', 'GET, HEAD, OPTIONS'],
    ] as const) {
      const refused = await mirror.app.request(path, { method })
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, allow])
      const preflight = await mirror.app.request(path, { method: 'OPTIONS' })
      expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    }
  })

  test('say who it is, that it lives, and how far behind each copy is', async () => {
    await copied(300)
    await mirror.advance(log, 300, 700)
    await mirror.upload(uploadBody(log, { start: 300, end: 700, packages: 1 }))
    expect(JSON.parse((await mirror.get('/')).text)).toEqual({
      name: 'mirror.example/m1',
      vkeys: mirror.vkeys,
    })
    expect((await mirror.get('/healthz')).status).toBe(200)
    const ready = await mirror.get('/readyz')
    expect([ready.status, JSON.parse(ready.text)]).toEqual([
      200,
      {
        status: 'ready',
        logs: [
          {
            origin: log.origin,
            pending: 700,
            next: 512,
            mirrored: 300,
            behind: 400,
            signed_at: new Date(mirror.now).toISOString(),
          },
        ],
        problems: [],
      },
    ])
    const metrics = (await mirror.get('/metrics')).text
    expect(metrics).toContain(`prooflog_mirror_pending_size{origin="${log.origin}"} 700`)
    expect(metrics).toContain(`prooflog_mirror_next_entry{origin="${log.origin}"} 512`)
    expect(metrics).toContain(`prooflog_mirror_signed_size{origin="${log.origin}"} 300`)
    expect(metrics).toContain('prooflog_mirror_request_seconds_count{route="/add-entries",status="202"} 1')
  })

  test('a second history of the log is refused and counted, and the first one goes on', async () => {
    await copied(300)
    const { signedTree } = await import('../support/signed-tree.ts')
    const fork = signedTree(log.origin, {
      skeys: (log as SignedTree & { skeys: string[] }).skeys,
      branch: 200,
    })
    expect((await mirror.post('/add-checkpoint', await fork.advance(300, 400))).status).toBe(422)
    expect((await mirror.post('/add-checkpoint', await fork.advance(300, 300))).status).toBe(422)
    expect((await mirror.get('/metrics')).text).toContain('prooflog_mirror_contradictions_total 2')
    await mirror.advance(log, 300, 400)
  })

  test('sign-subtree signs under a checkpoint that the mirror signed, and under no other', async () => {
    await copied(300)
    await mirror.advance(log, 300, 700)
    const { root, proof } = log.subtree(256, 300, 300)
    const ask = (note: Uint8Array) =>
      mirror.post(
        '/sign-subtree',
        Buffer.concat([
          Buffer.from(`subtree 256 300\n${[root, ...proof].map(toBase64).join('\n')}\n\n`),
          note,
        ]),
      )
    const { body: note } = await mirror.get(`${pathOf(log)}/checkpoint`)
    const reply = await ask(note)
    expect(reply.status).toBe(200)
    const [line] = parseSignatures(reply.body)
    expect(
      verifySubtreeSignature(mirror.vkeys[1]!, { origin: log.origin, start: 256, end: 300, root }, line!),
    ).toBe(0)
    // The log's own signature, as a pending checkpoint bears it, is none of the mirror.
    const pending = await log.checkpoint(300)
    expect(parseNote(pending).signatures.length).toBeGreaterThan(0)
    expect((await ask(pending)).status).toBe(403)
  })
})

describe('on a socket', () => {
  async function serve(uploadLimit?: number): Promise<void> {
    mirror = await testMirror({ logs: [log], ...(uploadLimit === undefined ? {} : { uploadLimit }) })
    server = await listen(mirror.app.fetch, { host: '127.0.0.1', port: 0 })
    await mirror.advance(log, 0, 600)
  }

  /** Sends a head that promises `length` bytes, and then only `sent`; resolves to the whole answer. */
  async function stall(length: number, sent: Uint8Array): Promise<string> {
    const { port, host } = new URL(server!.url)
    const socket = connect(Number(port), host.split(':')[0])
    await once(socket, 'connect')
    socket.write(
      `POST /add-entries HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/octet-stream\r\nContent-Length: ${length}\r\n\r\n`,
    )
    socket.write(sent)
    let answer = ''
    for await (const chunk of socket) {
      answer += String(chunk)
      if (/\r\n\r\n[^]+/.test(answer)) break
    }
    socket.destroy()
    return answer
  }

  test('whoever stalls is answered when the time is up: with what came, if a package did', async () => {
    await serve(300)
    const whole = uploadBody(log, { start: 0, end: 600 })
    expect(
      await stall(whole.length, whole.subarray(0, uploadHeader(log.origin, 0n, 0n).length + 10)),
    ).toMatch(/^HTTP\/1.1 400 /)
    const answer = await stall(whole.length, uploadBody(log, { start: 0, end: 600, packages: 1 }))
    expect(answer).toMatch(/^HTTP\/1.1 202 /)
    expect(answer).toContain('600\n256\n')
  })

  test('a refusal does not wait for the body', async () => {
    await serve()
    const header = uploadBody(log, { start: 256, end: 600, packages: 0 })
    expect(await stall(10_000_000, header)).toMatch(/^HTTP\/1.1 409 /)
  })

  test('a connection that breaks leaves what was proven', async () => {
    await serve()
    const { port, host } = new URL(server!.url)
    const socket = connect(Number(port), host.split(':')[0])
    await once(socket, 'connect')
    const body = uploadBody(log, { start: 0, end: 600, packages: 2 })
    socket.write(
      `POST /add-entries HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/octet-stream\r\nContent-Length: ${body.length + 1000}\r\n\r\n`,
    )
    socket.write(body, () => socket.destroy())
    await expect
      .poll(async () => infoOf(await mirror.upload(uploadBody(log, { start: 0, end: 0 }))).next)
      .toBe(512)
  })

  /** Half a gigabyte of each: members one after the other are one body. */
  const zeros = gzipped(Buffer.alloc(2 ** 26))
  const largest = gzipped(
    Buffer.concat(Array<Buffer>(256).fill(Buffer.concat([Buffer.of(0xff, 0xff), Buffer.alloc(65_535)]))),
  )
  test.each([
    ['zeros, as packages of empty entries', true, Array<Buffer>(8).fill(zeros), 422],
    ['zeros alone', false, Array<Buffer>(8).fill(zeros), 400],
    ['a package of the largest entries, without end', true, Array<Buffer>(32).fill(largest), 400],
  ])('a bomb of %s takes no more memory than one package', async (_, named, parts, status) => {
    await serve()
    const head = named ? [gzipped(uploadHeader(log.origin, 0n, 600n))] : []
    const bomb = Buffer.concat([...head, ...parts])
    expect(bomb.length).toBeLessThan(1_000_000)
    const { port, host } = new URL(server!.url)
    const socket = connect(Number(port), host.split(':')[0])
    const peak = await growthDuring(buffersInUse, async () => {
      socket.write(
        `POST /add-entries HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/octet-stream\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`,
      )
      socket.write(bomb)
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(answer.toString()).toContain(`HTTP/1.1 ${status} `)
    })
    socket.destroy()
    expect(peak).toBeLessThan(128 * 2 ** 20)
  })

  test('uploads under way share a budget: beyond it they are told to come back', async () => {
    await serve()
    const entry = Buffer.concat([Buffer.of(0xff, 0xff), Buffer.alloc(65_535)])
    const almost = Buffer.concat([
      uploadHeader(log.origin, 0n, 600n),
      ...Array.from({ length: 255 }, () => entry),
    ])
    const { port, host } = new URL(server!.url)
    const sockets = Array.from({ length: 9 }, () => connect(Number(port), host.split(':')[0]))
    const answers = sockets.map(async (socket) => {
      socket.write(
        `POST /add-entries HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/octet-stream\r\nContent-Length: ${almost.length * 2}\r\n\r\n`,
      )
      socket.write(almost)
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      return String(chunk)
    })
    const first = await Promise.race(answers)
    expect(first).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 1/i)
    for (const socket of sockets) socket.destroy()
  })
})
