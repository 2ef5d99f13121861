import type { IncomingMessage } from 'node:http'
import type { Context } from 'hono'

/** Node's own request, which @hono/node-server hands over; undefined when the app was called without a socket. */
export function incomingOf(c: Context): IncomingMessage | undefined {
  const env = c.env as { readonly incoming?: IncomingMessage } | undefined
  return env?.incoming
}
