// The body of a sender, decompressed, within bounds of the request and of the process.
import type { Context } from 'hono'
import { bodyCharge } from '../../http/body-budget.ts'
import { readEncodedBody } from '../../http/body.ts'
import { decompress } from '../ingest/decompress.ts'

/** Bytes of a body as it is sent. */
export const MAX_SENT = 16 * 1024 * 1024
/** Bytes of it once decompressed (opentelemetry-proto, specification §OTLP/HTTP recommends 64 MiB). */
export const MAX_BODY = 64 * 1024 * 1024

/**
 * Hands the body to `work`, and counts it, with what it expands to, among the bodies under way until `work` is done.
 * @throws HttpError `body_too_large`, `body_incomplete`; AuditError `invalid_compression`, `unsupported_encoding`, `body_expands`;
 * LogError `queue_full`
 */
export async function withSentBody<T>(c: Context, work: (body: Uint8Array) => Promise<T>): Promise<T> {
  const sent = await readEncodedBody(c, MAX_SENT, 'body_too_large')
  const encoding = c.req.header('content-encoding')
  const charge = bodyCharge()
  try {
    charge.raise(sent.length)
    // While it expands, not afterwards: many at once would be in memory before the first is counted.
    const body = await decompress(sent, encoding, MAX_BODY, (size) => charge.raise(sent.length + size))
    return await work(body)
  } finally {
    charge.release()
  }
}
