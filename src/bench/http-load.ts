// A load generator for loopback: keep-alive connections, one request at a time each, as little work per request as possible,
// because it shares the machine with the server it measures.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  /** Milliseconds, one per request. */
  readonly latencies: readonly number[]
}

export interface Load {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** The whole HTTP request for the n-th call; the same bytes may be returned again. */
  readonly request: (n: number) => Uint8Array
}

/** The bytes of a request. */
export function httpRequest(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: Uint8Array,
): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    ...Object.entries(headers).map(([k, v]) => `${k}: ${v}`),
  ]
  if (body !== undefined) lines.push(`Content-Length: ${body.length}`)
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  return body === undefined ? head : Buffer.concat([head, body])
}

/** @throws Error on any answer but 200: a benchmark of refusals would be fast and wrong */
export async function runLoad(load: Load): Promise<LoadResult> {
  const latencies: number[] = []
  let calls = 0
  const started = performance.now()
  const until = started + load.seconds * 1000
  await Promise.all(
    Array.from({ length: load.connections }, async () => {
      const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true })
      await once(socket, 'connect')
      try {
        while (performance.now() < until) {
          const sent = performance.now()
          await exchange(socket, load.request(calls++))
          latencies.push(performance.now() - sent)
        }
      } finally {
        socket.destroy()
      }
    }),
  )
  return { requests: latencies.length, seconds: (performance.now() - started) / 1000, latencies }
}

/** Sends a request and resolves when its answer, with Content-Length, has come in whole. */
function exchange(socket: Socket, request: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    let expected = -1
    function settle(error?: Error): void {
      socket.off('data', onData)
      socket.off('close', onClose)
      if (error) reject(error)
      else resolve()
    }
    function onClose(): void {
      settle(new Error('the server closed the connection'))
    }
    function onData(chunk: Buffer): void {
      text += chunk.toString('latin1')
      if (expected < 0) {
        const end = text.indexOf('\r\n\r\n')
        if (end < 0) return
        if (!text.startsWith('HTTP/1.1 200'))
          return settle(new Error(`the server answered ${text.slice(0, 600)}`))
        const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end + 2))?.[1]
        if (length === undefined) return settle(new Error('the answer has no Content-Length'))
        expected = end + 4 + Number(length)
      }
      if (text.length >= expected) settle()
    }
    socket.on('data', onData)
    socket.once('close', onClose)
    socket.write(request)
  })
}
