import type { Context } from 'hono'
import { HttpError, type HttpErrorCode } from './errors.ts'

/**
 * The whole body, of at most `limit` bytes; more is refused without being read.
 * @throws HttpError `tooLarge`, `unsupported_media_type` (a content encoding), `body_incomplete`
 */
export async function readBody(c: Context, limit: number, tooLarge: HttpErrorCode): Promise<Uint8Array> {
  const request = c.req.raw
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding !== 'identity') {
    throw new HttpError(
      'unsupported_media_type',
      'compressed bodies are not accepted: leave Content-Encoding out',
    )
  }
  const declared = request.headers.get('content-length')
  if (declared !== null && Number(declared) > limit) throw tooManyBytes(tooLarge, limit)
  // With a declared length the HTTP parser itself stops there; without one the chunks are counted as they come.
  const bytes =
    declared === null
      ? await readChunks(request, limit, tooLarge)
      : await request.arrayBuffer().catch(endedEarly)
  if (bytes.byteLength > limit) throw tooManyBytes(tooLarge, limit)
  return new Uint8Array(bytes)
}

async function readChunks(request: Request, limit: number, tooLarge: HttpErrorCode): Promise<ArrayBuffer> {
  const reader = request.body?.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  while (reader !== undefined) {
    const { done, value } = await reader.read().catch(endedEarly)
    if (done) break
    size += value.byteLength
    if (size > limit) {
      await reader.cancel()
      throw tooManyBytes(tooLarge, limit)
    }
    chunks.push(value)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole.buffer
}

function tooManyBytes(code: HttpErrorCode, limit: number): HttpError {
  return new HttpError(code, `the body is larger than the ${limit} bytes accepted here; nothing was stored`)
}

function endedEarly(cause: unknown): never {
  throw new HttpError(
    'body_incomplete',
    'the body ended before all of it was sent; nothing was stored',
    {},
    { cause },
  )
}
