import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Proxy {
  readonly url: string
  close(): Promise<void>
}

export interface ProxyOptions {
  /** Sent as bearer with every request: for programs that know no keys. */
  readonly key?: string
  /** May change the body of an answer. */
  readonly spoil?: (path: string, body: Buffer) => Buffer
}

/** Stands between a program and the service at `target`. Status and body pass as they are. */
export async function startProxy(target: string, { key, spoil }: ProxyOptions): Promise<Proxy> {
  const server = createServer((request, response) => {
    pass(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    const answer = await fetch(target + path, {
      method: request.method ?? 'GET',
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      ...(request.method === 'POST' ? { body: Buffer.concat(await request.toArray()) } : {}),
    })
    const body = Buffer.from(await answer.arrayBuffer())
    response.writeHead(answer.status).end(spoil?.(path, body) ?? body)
  }
}
