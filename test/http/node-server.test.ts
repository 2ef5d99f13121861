// The app on Node's own HTTP server, over sockets: what only shows there.
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { serve } from '@hono/node-server'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SERVER_OPTIONS } from '../../src/http/server-options.ts'
import { ALL, type TestApp, testApp } from '../support/http-app.ts'
import { heapInUse } from '../support/memory.ts'

let t: TestApp
let server: Server
let port: number
beforeEach(async () => {
  t = await testApp()
  server = serve({
    fetch: t.app.fetch,
    port: 0,
    hostname: '127.0.0.1',
    serverOptions: {
      ...SERVER_OPTIONS,
      requestTimeout: 300,
      headersTimeout: 200,
      connectionsCheckingInterval: 50,
    },
  }) as Server
  if (!server.listening) await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
afterEach(() => {
  server.close()
  server.closeAllConnections()
})

const url = (path: string) => `http://127.0.0.1:${port}${path}`

/** Everything the server says to these bytes until it hangs up. */
async function converse(bytes: string, more?: () => string | undefined): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
  socket.on('error', () => {})
  socket.write(bytes)
  const timer = setInterval(() => {
    const chunk = more?.()
    if (chunk !== undefined && !socket.destroyed) socket.write(chunk)
  }, 20)
  await once(socket, 'close')
  clearInterval(timer)
  return answer
}

test('a tlog load tool appends and reads: no content type, exactly 200, only the index', async () => {
  const added = await fetch(url('/logs/private/add'), {
    method: 'POST',
    headers: ALL,
    body: new Uint8Array([1, 2, 3]),
  })
  expect([added.status, await added.text(), added.headers.get('content-length')]).toEqual([200, '300', '3'])
  const tile = await fetch(url('/logs/private/tile/0/000'), { headers: ALL })
  expect((await tile.arrayBuffer()).byteLength).toBe(8192)
  expect(tile.headers.get('content-type')).toBe('application/octet-stream')
  expect(tile.headers.get('content-length')).toBe('8192')
  expect((await fetch(url('/logs/private/tile/0/001'))).status).toBe(404)
})

test('a small body is read to its end with its entry: nothing is left to drain after the answer', async () => {
  const listened: string[] = []
  const requested = once(server, 'request') as Promise<[IncomingMessage]>
  const added = fetch(url('/logs/private/add'), { method: 'POST', headers: ALL, body: new Uint8Array(256) })
  const [incoming] = await requested
  incoming.on('newListener', (event: string) => listened.push(event))
  await once(incoming, 'end')
  expect((await added).status).toBe(200)
  expect(listened).not.toContain('data')
})

test('a body without a length is read, and cut at the limit', async () => {
  const chunks = (count: number) =>
    new ReadableStream({
      pull(controller) {
        if (count-- > 0) controller.enqueue(new Uint8Array(1000))
        else controller.close()
      },
    })
  const send = (count: number) =>
    fetch(url('/logs/private/add'), {
      method: 'POST',
      headers: ALL,
      body: chunks(count),
      duplex: 'half',
    } as RequestInit)
  expect((await send(65)).status).toBe(200)
  expect((await send(66)).status).toBe(413)
  expect(t.logs.byName.get('private')!.stored).toHaveLength(301)
})

test('oversized headers are 431 and never reach a route', async () => {
  const answer = await converse(`GET /logs HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 431 /)
  expect(t.lines).toHaveLength(0)
})

test('a body that trickles is given up, and nothing of it is stored', async () => {
  const head =
    'POST /logs/private/add HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\nContent-Length: 60000\r\n\r\n'
  const answer = await converse(head, () => 'x')
  expect(answer).not.toMatch(/^HTTP\/1\.1 200/)
  expect(t.logs.byName.get('private')!.stored).toHaveLength(300)
})

test('a body in one-byte chunks costs its bytes, not its chunks', async () => {
  server.requestTimeout = 0
  let received = () => 0
  server.on('connection', (accepted) => {
    received = () => accepted.bytesRead
  })
  const socket = connect(port, '127.0.0.1').resume()
  const head =
    'POST /logs/private/entries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\nContent-Type: application/x-ndjson\r\n' +
    'Transfer-Encoding: chunked\r\n\r\n'
  socket.write(head)
  const before = heapInUse()
  const chunks = 200_000
  for (let sent = 0; sent < chunks; sent += 10_000) {
    if (!socket.write('1\r\nx\r\n'.repeat(10_000))) await once(socket, 'drain')
  }
  await expect.poll(() => received()).toBe(head.length + chunks * 6)
  // Kept chunks would hold 220 bytes each, 44 MB.
  expect(heapInUse() - before).toBeLessThan(10_000_000)
  socket.destroy()
  await expect.poll(() => t.lines.length).toBe(1)
  expect(t.lines[0]).toMatchObject({ status: 400, code: 'body_incomplete' })
})

test('what sends too slowly is looked for several times within its limit', () => {
  expect(SERVER_OPTIONS.connectionsCheckingInterval).toBeLessThan(SERVER_OPTIONS.headersTimeout)
})

test('a target that is not spelt as served names nothing, however it would be resolved', async () => {
  const ask = async (path: string, method = 'GET'): Promise<[number, string]> => {
    const asked = httpRequest({ port, host: '127.0.0.1', path, method, headers: ALL }).end()
    const [answer] = await once(asked, 'response')
    let text = ''
    for await (const chunk of answer) text += chunk
    return [answer.statusCode, text]
  }
  expect((await ask('/logs/open/checkpoint'))[0]).toBe(200)
  expect((await ask(`http://127.0.0.1:${port}/logs/open/checkpoint`))[0], 'absolute form').toBe(200)
  expect((await ask('/logs/open/entries?%6Cimit=1'))[0], 'a query is decoded').toBe(200)
  for (const path of [
    '/logs/private/../open/checkpoint',
    '/logs/./open/checkpoint',
    '/logs/open/checkpoint/.',
    '/logs/open/checkpoint/x/..',
    '/logs/%2e/open/checkpoint',
    '/logs/private/%2E%2e/open/checkpoint',
    '/logs/private/.%2e/open/checkpoint',
    '/logs//open/checkpoint',
    '//logs',
    '/logs/%6fpen/checkpoint',
    '/logs/open/checkpoint#x',
    '/logs/open/tile/0/../entries/000',
    `http://127.0.0.1:${port}/logs/private/../open/checkpoint`,
    '/keys/%00',
  ]) {
    const [status, text] = await ask(path)
    expect([status, JSON.parse(text).code], path).toEqual([404, 'not_found'])
  }
  expect((await ask('/logs\\open\\checkpoint'))[0], 'refused by the server itself').toBe(400)
  expect((await ask('/keys/%00', 'DELETE'))[0]).toBe(404)
  expect((await ask('/logs/x/../open/checkpoint', 'OPTIONS'))[0]).toBe(404)
})

test('a body shorter than it says is not stored', async () => {
  const socket = connect(port, '127.0.0.1')
  socket.end(
    'POST /logs/private/add HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\nContent-Length: 100\r\n\r\nhalf',
  )
  socket.on('error', () => {}).resume()
  await once(socket, 'close')
  await expect.poll(() => t.lines.length).toBe(1)
  expect(t.lines[0]).toMatchObject({ status: 400, code: 'body_incomplete' })
  expect(t.logs.byName.get('private')!.stored).toHaveLength(300)
})

test('malformed requests are refused without a stack', async () => {
  for (const bytes of [
    'nonsense\r\n\r\n',
    'GET /logs/open/tile/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'GET \\logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'GET /logs HTTP/1.1\r\nConnection: close\r\n\r\n',
    'GET http://[bad HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'POST /logs/private/add HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
    'POST /logs/private/add HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ]) {
    const answer = await converse(bytes)
    expect(answer, bytes).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(answer).not.toMatch(/\n\s+at |\.ts:|node_modules/)
  }
})
