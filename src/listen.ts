// A port and what answers on it: the same for every service of this program.
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
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
/** How often connections on which nothing is under way any more are looked for meanwhile; milliseconds. */
const IDLE_EVERY = 50

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
  const open: Open = { sockets: new Set(), responses: new Set() }
  const server = createServer(options, (request, response) => {
    open.responses.add(response)
    response.once('close', () => open.responses.delete(response))
    if (!server.listening) endAfter(response)
    void answer(request, response) // it answers its own failures; there is nothing to wait for
  })
  server.on('connection', (socket) => {
    open.sockets.add(socket)
    socket.once('close', () => open.sockets.delete(socket))
  })
  server.listen(at.port, at.host)
  await once(server, 'listening')
  return { url: urlOf(server, at.host), close: () => close(server, open) }
}

interface Open {
  readonly sockets: Set<Socket>
  /** Not sent to their end. */
  readonly responses: Set<ServerResponse>
}

async function close(server: Server, { sockets, responses }: Open): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  // Some become idle later, without a word: those whose body comes to its end after its answer.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_EVERY)
  const timer = setTimeout(() => server.closeAllConnections(), STOP_LIMIT)
  for (const response of responses) endAfter(response)
  await readWhatCame()
  // On which nothing was asked, to Node they are not idle. fetch opens one as soon as it has given up an answer.
  for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  await closed
  clearInterval(idle)
  clearTimeout(timer)
}

/** Else its client would be waited for to ask for more. */
function endAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false
  response.once('finish', () => response.req.socket.destroySoon())
}

/** The first turn may be the rest of the one under way. */
async function readWhatCame(): Promise<void> {
  await turn()
  await turn()
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo // listening on TCP: not a pipe, not closed
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
