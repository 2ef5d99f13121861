// What is read of a request of node:http, which those of Express and Fastify are or hold.
import type { IncomingMessage } from 'node:http'
import type { RequestFacts } from './http-event.ts'

/** @param target path and query, where a router has changed `url` */
export function factsOfNode(request: IncomingMessage, target = request.url ?? ''): RequestFacts {
  return {
    method: request.method ?? '',
    target,
    header: (name) => {
      const value = request.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    peer: request.socket.remoteAddress,
  }
}
