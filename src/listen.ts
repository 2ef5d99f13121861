// A port and what answers on it: the same for every service of this program.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { SERVER_OPTIONS } from './http/server-options.ts'

export interface Listening {
  /** `http://host:port` */
  readonly url: string
  /** Answers what is under way, then closes every connection. */
  close(): Promise<void>
}

/** How long a request under way may take to finish once the service stops; milliseconds. */
const STOP_LIMIT = 10_000

/**
 * @param at `port` 0 takes a free one; `requestTimeout` milliseconds for a request with its body, unless the usual
 * @throws what the operating system says of the port
 */
export async function listen(
  fetch: Parameters<typeof getRequestListener>[0],
  at: { readonly host: string; readonly port: number; readonly requestTimeout?: number },
): Promise<Listening> {
  const answer = getRequestListener(fetch)
  const { requestTimeout = SERVER_OPTIONS.requestTimeout } = at
  const options = { ...SERVER_OPTIONS, requestTimeout }
  // It answers its own failures; there is nothing to wait for.
  const server = createServer(options, (request, response) => void answer(request, response))
  server.listen(at.port, at.host)
  await once(server, 'listening')
  return { url: urlOf(server, at.host), close: () => close(server) }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), STOP_LIMIT)
  await closed
  clearTimeout(timer)
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo // listening on TCP: not a pipe, not closed
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
