import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { createRateLimiter } from '../../src/access/rate-limit.ts'
import type { RouteGroup } from '../../src/http/app.ts'
import { untilSent } from '../../src/http/until-sent.ts'
import { listen } from '../../src/listen.ts'
import { ALL, problemOf, testApp } from '../support/http-app.ts'

/** Of pieces without an end, unless it has one or fails at it. */
function streaming(end?: 'ends' | 'fails'): { response: Response; cancelled: () => boolean } {
  let pieces = 0
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await sleep(1)
      if (++pieces <= 3 || end === undefined) controller.enqueue(new Uint8Array(100_000))
      else if (end === 'ends') controller.close()
      else controller.error(new Error('no custody'))
    },
    cancel: () => void (cancelled = true),
  })
  return { response: new Response(body, { status: 201, headers: { a: 'b' } }), cancelled: () => cancelled }
}

test('the answer is the same, and is over once it was read', async () => {
  const done = vi.fn<() => void>()
  const answer = untilSent(streaming('ends').response, done)
  expect([answer.status, answer.headers.get('a')]).toEqual([201, 'b'])
  await sleep(20)
  expect(done).not.toHaveBeenCalled()
  expect((await answer.arrayBuffer()).byteLength).toBe(300_000)
  expect(done).toHaveBeenCalledTimes(1)
  untilSent(new Response(null), done)
  expect(done, 'a body that is none').toHaveBeenCalledTimes(2)
})

test('an answer that fails, is given up, or is never read is over too: once, and what makes it ends', async () => {
  const done = vi.fn<() => void>()
  await expect(untilSent(streaming('fails').response, done).arrayBuffer()).rejects.toThrow('no custody')
  expect(done).toHaveBeenCalledTimes(1)

  const left = streaming()
  const reader = untilSent(left.response, done).body!.getReader()
  await reader.read()
  void reader.read() // under way when it is given up
  await reader.cancel()
  await expect.poll(() => [left.cancelled(), done.mock.calls.length]).toEqual([true, 2])

  const unread = streaming()
  await untilSent(unread.response, done).body!.cancel()
  expect([unread.cancelled(), done.mock.calls.length]).toEqual([true, 3])

  const stalled = [streaming(), streaming()]
  const [never, once] = stalled.map(({ response }) => untilSent(response, done, 500).body!.getReader())
  await once!.read()
  await expect
    .poll(() => [...stalled.map(({ cancelled }) => cancelled()), done.mock.calls.length])
    .toEqual([true, true, 5])
  await expect(never!.read()).rejects.toThrow('took nothing')
})

test('who reads slowly, but reads, is not let go', async () => {
  const done = vi.fn<() => void>()
  const reader = untilSent(streaming('ends').response, done, 1_000).body!.getReader()
  for (let i = 0; i < 3; i++) {
    await sleep(400)
    expect((await reader.read()).done).toBe(false)
  }
  expect((await reader.read()).done).toBe(true)
})

const group = (end?: 'ends' | 'fails'): RouteGroup => ({
  routes: [
    {
      method: 'POST',
      path: '/logs/:log/x',
      streams: true,
      doc: { tag: 'x', summary: 'x', answers: {} },
      onLog: () => streaming(end).response,
    },
  ],
  access: { 'POST /logs/:log/x': 'export:create' },
})

test('an export is one of the reads under way until it was sent, failed, or its client went', async () => {
  const limits = createRateLimiter({ append: 0, read: 0, reads: 1 })
  const place = { host: '127.0.0.1', port: 0 }
  const open = async (end?: 'ends' | 'fails') =>
    listen((await testApp({ limits, more: [group(end)] })).app.fetch, place)
  const [endless, ending, failing] = await Promise.all([open(), open('ends'), open('fails')])
  const ask = ({ url }: { url: string }) => fetch(`${url}/logs/private/x`, { method: 'POST', headers: ALL })

  expect((await (await ask(ending)).arrayBuffer()).byteLength).toBe(300_000)
  await expect((await ask(failing)).arrayBuffer()).rejects.toThrow('terminated')
  const gone = request(`${endless.url}/logs/private/x`, { method: 'POST', headers: ALL, agent: false }).end()
  const [answer] = (await once(gone, 'response')) as [IncomingMessage]
  await once(answer, 'data')
  expect(await problemOf(await ask(ending))).toMatchObject({ status: 503, code: 'reads_busy' })
  gone.on('error', () => {}).destroy()
  await vi.waitUntil(async () => {
    const again = await ask(ending)
    await again.arrayBuffer()
    return again.status === 201
  }, 20_000)
  await Promise.all([endless, ending, failing].map((one) => one.close()))
})

test('an export whose entry in the journal fails takes nothing any more', async () => {
  const limits = createRateLimiter({ append: 0, read: 0, reads: 1 })
  const state = { down: true }
  const journal = {
    note: () => {},
    record: async () => {
      if (state.down) throw new Error('down')
    },
  }
  const { app } = await testApp({ limits, journal, more: [group('ends')] })
  const ask = () => app.request('/logs/private/x', { method: 'POST', headers: ALL })
  expect((await ask()).status).toBe(503)
  state.down = false
  expect((await ask()).status).toBe(201)
})
