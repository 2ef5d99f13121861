// A log that only takes events, and misbehaves as a test tells it to. It keeps what it took by id, as the real one does.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'

export type Behaviour =
  | 'ok'
  /** Ends the connection: before anything is taken, or after everything was. */
  | 'drop'
  | 'take-and-drop'
  /** Takes everything, and sends half of the answer. */
  | 'half'
  /** Never answers. */
  | 'silent'
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }

export interface Taken {
  readonly id: string
  readonly event: Record<string, unknown>
}

export interface Receiver {
  readonly url: string
  /** In the order in which they were taken first. */
  readonly taken: readonly Taken[]
  /** Requests, with what they were like. */
  readonly requests: { at: number; count: number; encoding: string | undefined; key: string | undefined }[]
  /** Events that came again. */
  repeated: number
  /** What happens to a request; `ok` unless set. */
  behave: (events: readonly Record<string, unknown>[], request: number) => Behaviour
  quarantine: (event: Record<string, unknown>) => boolean
  close(): Promise<void>
}

export async function startReceiver(): Promise<Receiver> {
  const taken: Taken[] = []
  const indexes = new Map<string, number>()
  const open = new Set<Socket>()
  const receiver: Receiver = {
    url: '',
    taken,
    requests: [],
    repeated: 0,
    behave: () => 'ok',
    quarantine: () => false,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }

  function take(events: readonly Record<string, unknown>[]): Buffer {
    const receipts = events.map((event) => {
      const id = String(event['id'])
      const index = indexes.get(id)
      const at = index ?? taken.length
      if (index === undefined) {
        indexes.set(id, at)
        taken.push({ id, event })
      } else receiver.repeated++
      const leaf_hash = createHash('sha256').update(id).digest('base64')
      const bad = receiver.quarantine(event)
      const rest = bad
        ? { id: `~raw${at}`, quarantine: { code: 'invalid_event', message: 'actor.id is no text' } }
        : { id }
      return {
        index: at,
        leaf_hash,
        duplicate: index !== undefined,
        flags: bad ? ['quarantined'] : [],
        ...rest,
      }
    })
    return Buffer.from(JSON.stringify({ receipts }))
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const encoding = request.headers['content-encoding']
    const body = encoding === 'gzip' ? gunzipSync(Buffer.concat(chunks)) : Buffer.concat(chunks)
    const lines = body.toString().trimEnd().split('\n')
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    receiver.requests.push({
      at: Date.now(),
      count: events.length,
      encoding,
      key: request.headers.authorization,
    })
    const behaviour = receiver.behave(events, receiver.requests.length)
    if (behaviour === 'drop') return void request.socket.destroy()
    if (behaviour === 'silent') return
    if (typeof behaviour === 'object') {
      response.writeHead(behaviour.status, behaviour.headers)
      response.end(JSON.stringify(behaviour.body ?? { code: 'some_fault', detail: 'said for a test' }))
      return
    }
    const answer = take(events)
    if (behaviour === 'take-and-drop') return void request.socket.destroy()
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
    if (behaviour === 'ok') return void response.end(answer)
    response.write(answer.subarray(0, answer.length / 2), () => request.socket.destroy())
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.writeHead(500)
      response.end(String(error))
    })
  })
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return Object.assign(receiver, { url: `http://127.0.0.1:${port}/logs/default` })
}
