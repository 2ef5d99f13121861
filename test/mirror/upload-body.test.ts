// Bodies of uploads as they come over a socket: in pieces of any size, at any pace.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { type Context, Hono } from 'hono'
import { afterEach, expect, test } from 'vitest'
import { incomingOf } from '../../src/http/incoming.ts'
import { listen, type Listening } from '../../src/listen.ts'
import { openUpload } from '../../src/mirror/upload-body.ts'

const PIECE = 1024
const PIECES = 2048
const ENCODINGS = ['identity', 'gzip'] as const
let server: Listening | undefined
afterEach(() => server?.close())

interface Upload {
  readonly sending: ClientRequest
  readonly answer: Promise<string>
  /** Whether the server took the body up to its end, rather than cut it off. */
  readonly drained: Promise<boolean>
}

/** Starts to upload to a server that takes `count` bytes of the body and says how many it got. */
async function upload(encoding: string, count: number): Promise<Upload> {
  let ended: (whole: boolean) => void = () => {}
  const drained = new Promise<boolean>((resolve) => (ended = resolve))
  const app = new Hono().post('/', async (c: Context) => {
    incomingOf(c)
      ?.on('end', () => ended(true))
      .on('close', () => ended(false))
    const body = openUpload(c, AbortSignal.timeout(5_000))
    let taken = 0
    for (; taken < count && (await body.reader.fill(PIECE)); taken += PIECE) body.reader.take(PIECE)
    body.close()
    return c.text(String(taken))
  })
  server = await listen(app.fetch, { host: '127.0.0.1', port: 0 })
  const headers = { 'content-type': 'application/octet-stream', 'content-encoding': encoding }
  const sending = request(server.url, { method: 'POST', headers })
  sending.on('error', () => {}).on('socket', (socket) => socket.on('error', () => {}))
  const answer = once(sending, 'response').then(([response]: IncomingMessage[]) => textOf(response!))
  return { sending, answer, drained }
}

async function textOf(response: IncomingMessage): Promise<string> {
  return Buffer.concat(await response.toArray()).toString()
}

test.each(ENCODINGS)('pieces that are each too small to fill a buffer all arrive, %s', async (encoding) => {
  const { sending, answer } = await upload(encoding, Infinity)
  const body = encoding === 'gzip' ? gzipSync(randomBytes(PIECE * PIECES)) : randomBytes(PIECE * PIECES)
  for (let at = 0; at < body.length; at += PIECE) {
    sending.write(body.subarray(at, at + PIECE))
    await setImmediate()
  }
  sending.end()
  expect(await answer).toBe(String(PIECE * PIECES))
})

test.each(ENCODINGS)('what is not taken of a body is drained once it was answered, %s', async (encoding) => {
  const { sending, answer, drained } = await upload(encoding, PIECE)
  const body = randomBytes(PIECE * PIECES * 8)
  sending.end(encoding === 'gzip' ? gzipSync(body, { level: 0 }) : body)
  expect(await answer).toBe(String(PIECE))
  expect(await drained).toBe(true)
})
