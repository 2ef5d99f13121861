import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTransport } from '../../src/client/transport.ts'
import { keepCollecting } from '../support/memory.ts'

/** Says something, and never the rest. */
const server = createServer((request, response) => {
  if (request.url === '/slow') response.write('begun')
})
let url: string
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

test.each(['silent', 'slow'])(
  'a %s server is waited for no longer than the limit, whatever garbage was collected meanwhile',
  async (path) => {
    keepCollecting()
    const { signal } = new AbortController()
    const asked = createTransport({ url, retries: 0, timeout: 300, signal }).request({ path, limit: 100 })
    await expect(asked).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('no answer within 300 ms'),
    })
  },
)

test('who asked may end it earlier, before it was sent too', async () => {
  const ending = new AbortController()
  const transport = createTransport({ url, retries: 3, timeout: 20_000, signal: ending.signal })
  const asked = transport.request({ path: 'silent', limit: 100 })
  setTimeout(() => ending.abort(new Error('enough')), 50)
  await expect(asked).rejects.toThrow('enough')
  await expect(transport.request({ path: 'silent', limit: 100 })).rejects.toThrow('enough')
})
