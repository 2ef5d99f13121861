import type { IncomingMessage } from 'node:http'
import type { Context } from 'hono'
import { type BodyCharge, bodyCharge } from './body-budget.ts'
import { HttpError, type HttpErrorCode } from './errors.ts'
import { incomingOf } from './incoming.ts'

/** Memory for a body whose length is not declared, to begin with; bytes. */
const FIRST = 16_384

/**
 * The whole body, of at most `limit` bytes; more is refused without being read.
 * @throws HttpError `tooLarge`, `unsupported_media_type` (a content encoding), `body_incomplete`; LogError `queue_full`
 */
export async function readBody(c: Context, limit: number, tooLarge: HttpErrorCode): Promise<Uint8Array> {
  const encoding = c.req.raw.headers.get('content-encoding')
  if (encoding !== null && encoding !== 'identity') {
    throw new HttpError(
      'unsupported_media_type',
      'compressed bodies are not accepted: leave Content-Encoding out',
    )
  }
  return readEncodedBody(c, limit, tooLarge)
}

/**
 * The body as it was sent, compressed or not; who calls it undoes the encoding.
 * @throws HttpError `tooLarge`, `body_incomplete`; LogError `queue_full`
 */
export async function readEncodedBody(
  c: Context,
  limit: number,
  tooLarge: HttpErrorCode,
): Promise<Uint8Array> {
  const length = c.req.raw.headers.get('content-length')
  const declared = length !== null && /^[0-9]+$/.test(length) ? Number(length) : undefined
  if (declared !== undefined && declared > limit) throw refusal(limit, tooLarge)
  const incoming = incomingOf(c)
  const here = incoming && declared !== undefined ? takeAtOnce(incoming, declared) : undefined
  if (here !== undefined) return here
  const charge = bodyCharge()
  try {
    const body = growing(declared, limit, charge, tooLarge)
    await (incoming ? readIncoming(incoming, body.add) : readStream(c.req.raw, body.add))
    return body.whole()
  } finally {
    charge.release()
  }
}

/**
 * Chunks are copied as they come: kept, each would cost 220 bytes however small it is, and it is the sender who cuts them.
 * @throws LogError `queue_full`; HttpError `tooLarge`
 */
function growing(declared: number | undefined, limit: number, charge: BodyCharge, tooLarge: HttpErrorCode) {
  let bytes = allocate(declared ?? Math.min(FIRST, limit))
  let size = 0
  function allocate(capacity: number): Uint8Array {
    charge.raise(capacity)
    return new Uint8Array(capacity)
  }
  return {
    add: (chunk: Uint8Array): void => {
      const end = size + chunk.byteLength
      if (end > limit) throw refusal(limit, tooLarge)
      if (end > bytes.byteLength) {
        const larger = allocate(Math.min(Math.max(end, 2 * bytes.byteLength), limit))
        larger.set(bytes.subarray(0, size))
        bytes = larger
      }
      bytes.set(chunk, size)
      size = end
    },
    // Not a view: an entry that waits for its commit must not hold the memory that was not used.
    whole: (): Uint8Array => (size === bytes.byteLength ? bytes : bytes.slice(0, size)),
  }
}

/**
 * A small body came with its head: taking it at once saves four listeners and a turn of the event loop. Copied, since it is a
 * view of all that was read from the socket; nothing is under way that would have to be charged.
 */
function takeAtOnce(incoming: IncomingMessage, declared: number): Uint8Array | undefined {
  if (declared === 0 || incoming.readableLength !== declared) return undefined
  const all: unknown = incoming.read()
  if (!(all instanceof Uint8Array)) throw incomplete(incoming.errored)
  // Up to its end, which is yet to come: a request without one is drained after the answer, with three timers.
  incoming.resume()
  return new Uint8Array(all)
}

/** From the socket itself: a web stream in between would have a queue of its own. */
async function readIncoming(incoming: IncomingMessage, add: (chunk: Uint8Array) => void): Promise<void> {
  if (incoming.destroyed) endedEarly(incoming.errored)
  let stop = (): void => {}
  const reading = new Promise<void>((resolve, reject) => {
    const take = (chunk: Uint8Array): void => {
      try {
        add(chunk)
      } catch (error) {
        reject(error)
        stop()
      }
    }
    const broken = (cause?: unknown): void => reject(incomplete(cause))
    incoming.on('data', take).on('end', resolve).on('error', broken).on('close', broken)
    stop = () => {
      incoming.off('data', take).off('end', resolve).off('error', broken).off('close', broken)
      // What is left is drained or cut off by the server, after the answer.
      if (!incoming.readableEnded) incoming.pause()
    }
  })
  await reading.finally(() => stop())
}

async function readStream(request: Request, add: (chunk: Uint8Array) => void): Promise<void> {
  const reader = request.body?.getReader()
  if (reader === undefined) return
  for (;;) {
    const { done, value } = await reader.read().catch(endedEarly)
    if (done) return
    try {
      add(value)
    } catch (error) {
      await reader.cancel()
      throw error
    }
  }
}

function refusal(limit: number, code: HttpErrorCode): HttpError {
  return new HttpError(code, `the body is larger than the ${limit} bytes accepted here; nothing was stored`)
}

function endedEarly(cause: unknown): never {
  throw incomplete(cause)
}

function incomplete(cause: unknown): HttpError {
  const message = 'the body ended before all of it was sent; nothing was stored'
  return new HttpError('body_incomplete', message, {}, { cause })
}
