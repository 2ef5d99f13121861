// Routes that answer in plain text, with the statuses of a protocol: what the witness and the mirror have in common.
import type { Context, Hono } from 'hono'

export type PlainHandler = (c: Context) => Response | Promise<Response>

export interface PlainRoutesDeps {
  /** Counts the answers of a route; asked for once per route. */
  readonly route: (path: string) => (status: number, seconds: number) => void
  /** The answer to what a handler threw. */
  readonly refused: (error: unknown) => Response
}

export const CORS = { 'access-control-allow-origin': '*' }
export const TEXT = { ...CORS, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }
/** Seconds after which a 503 is worth another try. */
export const RETRY_AFTER = { 'retry-after': '1' }

/** Adds routes to `app`, each with its OPTIONS and its 405; no handler throws: an error is an answer. */
export function plainRoutes(
  app: Hono,
  { route, refused }: PlainRoutesDeps,
): (method: 'GET' | 'POST', path: string, handler: PlainHandler) => void {
  return (method, path, handler) => {
    const count = route(path)
    app.on(method, path, async (c) => {
      const started = performance.now()
      let response: Response
      try {
        response = await handler(c)
      } catch (error) {
        response = refused(error)
      }
      count(response.status, (performance.now() - started) / 1000)
      return response
    })
    app.on('OPTIONS', path, () => preflight(method))
    app.all(path, () => plainText(405, 'This method is not served here.', { allow: allowed(method) }))
  }
}

export function plainText(
  status: number,
  message: string,
  more: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${message}\n`, { status, headers: { ...TEXT, ...more } })
}

function allowed(method: string): string {
  return `${method}, ${method === 'GET' ? 'HEAD, ' : ''}OPTIONS`
}

function preflight(method: string): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...CORS,
      allow: allowed(method),
      'access-control-allow-methods': allowed(method),
      'access-control-allow-headers': 'Authorization, Content-Type',
      'access-control-max-age': '86400',
    },
  })
}
