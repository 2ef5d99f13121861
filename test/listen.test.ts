// What a service answers on stops without cutting off what is under way, and without waiting for what never began.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { listen } from '../src/listen.ts'

const PLACE = { host: '127.0.0.1', port: 0 }
const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** The limit of a stop never comes: what waits for it has no end here. */
const withoutLimit = (): unknown => vi.useFakeTimers({ toFake: ['setTimeout'] })
afterEach(() => void vi.useRealTimers())

/** Connected, and seen by the service. */
async function connected(url: string): Promise<{ socket: Socket; heard: () => Promise<string> }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString()))
  socket.on('error', () => {})
  const closed = once(socket, 'close')
  await once(socket, 'connect')
  // Taken in the order in which they came.
  await (await fetch(url)).text()
  return {
    socket,
    heard: async () => {
      await closed
      return text
    },
  }
}

test('a connection on which nothing was asked holds no stop up', async () => {
  const server = await listen(() => new Response('x'), PLACE)
  const silent = await connected(server.url)
  withoutLimit()
  await server.close()
  expect(await silent.heard()).toBe('')
})

test('nor does the one that a client opens after it gave up an answer', async () => {
  const endless = (): Response =>
    new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(100_000)) }))
  const server = await listen(endless, PLACE)
  const giveUp = new AbortController()
  const answer = await fetch(server.url, { signal: giveUp.signal })
  await answer.body?.getReader().read()
  giveUp.abort()
  await new Promise((resolve) => setTimeout(resolve, 200))
  withoutLimit()
  await expect(server.close()).resolves.toBeUndefined()
})

test('what was asked is answered, also what came at the last moment', async () => {
  let answer = (): void => {}
  const answering = new Promise<void>((resolve) => (answer = resolve))
  let asked = 0
  const server = await listen(async ({ url }: Request) => {
    if (url.endsWith('/wait')) {
      asked += 1
      await answering
    }
    return new Response('answered')
  }, PLACE)
  const early = await connected(server.url)
  early.socket.write(REQUEST.replace('/', '/wait'))
  await expect.poll(() => asked).toBe(1)
  const late = await connected(server.url)
  await new Promise<void>((resolve) => late.socket.write(REQUEST, () => resolve()))
  withoutLimit()
  const closed = server.close()
  expect(await late.heard()).toContain('answered')
  answer()
  expect(await early.heard()).toContain('answered')
  await closed
})

test('a body that comes to its end after its answer is waited for no longer than that', async () => {
  const server = await listen(() => new Response('no', { status: 422 }), PLACE)
  const { socket, heard } = await connected(server.url)
  const size = 300_000
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size - 1)}`)
  await once(socket, 'data')
  withoutLimit()
  const closed = server.close()
  socket.write('x')
  expect(await heard()).toContain('422')
  await closed
})
