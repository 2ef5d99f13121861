// JSON requests to a server.
import type { TransportOptions } from '../client/index.ts'
import { type Fields, parseFields } from '../client/json.ts'
import { createTransport } from '../client/transport.ts'
import { encodeUtf8 } from '../core/bytes.ts'

const LIMIT = 16_000_000

/**
 * @param request.body sent as JSON. A POST is not repeated: it may have done its work already
 * @throws ClientError
 */
export async function requestJson(
  target: TransportOptions,
  { method = 'GET', path, body }: { method?: 'GET' | 'POST' | 'DELETE'; path: string; body?: object },
): Promise<Fields> {
  const answer = await createTransport(target).request({
    method,
    path,
    limit: LIMIT,
    retry: method !== 'POST',
    ...(body ? { body: encodeUtf8(JSON.stringify(body)), contentType: 'application/json' } : {}),
  })
  return parseFields(answer, `${method} ${path}`)
}

/** What the server says of a log, `target.url` being its prefix. @throws ClientError */
export function fetchLogInfo(target: TransportOptions): Promise<Fields> {
  const url = target.url.replace(/\/+$/, '')
  const split = url.lastIndexOf('/')
  return requestJson({ ...target, url: url.slice(0, split) }, { path: url.slice(split + 1) })
}
