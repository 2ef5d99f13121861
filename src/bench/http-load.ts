// A load generator for loopback: keep-alive connections, one request at a time each, as little work per request as possible,
// because it shares the machine with the server it measures. It does the same for every row and its ceiling.
import { connect } from 'node:net'

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
  /**
   * The whole HTTP request for the n-th call, which connection `connection` sends; made beforehand, since what is made here is
   * measured too. The bytes may be changed for the connection's next call: this one is answered by then.
   */
  readonly request: (n: number, connection: number) => Uint8Array
  /**
   * Never sleeps between answers. A generator that sleeps has the server pay for waking it, up to 20 µs an answer here, and only
   * where the server is the slower of the two. Takes a whole core, so not where Postgres works too.
   */
  readonly awake?: boolean
}

/** Longer than the head of any answer; bytes. */
const HEAD = 1024
const READ = 65_536

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
  const turn = (): void => void (performance.now() < until && setImmediate(turn))
  if (load.awake === true) turn()
  await Promise.all(
    Array.from({ length: load.connections }, (_, connection) =>
      converse(
        load.port,
        () => (performance.now() < until ? load.request(calls++, connection) : undefined),
        (milliseconds) => latencies.push(milliseconds),
      ),
    ),
  )
  return { requests: latencies.length, seconds: (performance.now() - started) / 1000, latencies }
}

/** One connection: a request whenever the answer to the one before, with Content-Length, has come in whole; until there is none. */
function converse(
  port: number,
  next: () => Uint8Array | undefined,
  answered: (milliseconds: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0
    let head = ''
    let missing = -1 // bytes of the body; unknown before its head is read
    // Its own memory to read into: the default takes 64 kB of fresh memory for every read.
    const onread = { buffer: Buffer.allocUnsafe(READ), callback: onData }
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread }, send)
    socket.once('error', reject).once('close', () => reject(new Error('the server closed the connection')))

    function send(): void {
      const request = next()
      if (request === undefined) {
        resolve()
        socket.destroy()
        return
      }
      missing = -1
      head = ''
      sent = performance.now()
      socket.write(request)
    }
    function onData(length: number, bytes: Uint8Array): boolean {
      try {
        missing = missing < 0 ? afterHead(length, bytes) : missing - length
      } catch (error) {
        reject(error)
        socket.destroy()
        return true
      }
      if (missing !== 0) return true
      answered(performance.now() - sent)
      send()
      return true
    }
    function afterHead(length: number, bytes: Uint8Array): number {
      const before = head.length
      head += Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(length, HEAD)).toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return -1
      if (!head.startsWith('HTTP/1.1 200')) throw new Error(`the server answered ${head}`)
      const declared = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
      if (declared === undefined) throw new Error('the answer has no Content-Length')
      return end + 4 + Number(declared) - before - length
    }
  })
}
