// The body of an upload as it arrives, unpacked if it was packed. Never the whole of it: what is not taken is not read.
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Context } from 'hono'
import { HttpError } from '../http/errors.ts'
import { incomingOf } from '../http/incoming.ts'
import { type ByteReader, byteReader } from './byte-reader.ts'

export interface UploadBody {
  readonly reader: ByteReader
  /** Lets go of what was not read; the server drains it or cuts it off, after the answer. */
  close(): void
}

const UPLOAD_TYPE = 'application/octet-stream'

/**
 * @param signal ends the body
 * @throws HttpError `unsupported_media_type`
 */
export function openUpload(c: Context, signal: AbortSignal): UploadBody {
  const { headers } = c.req.raw
  if (headers.get('content-type') !== UPLOAD_TYPE)
    throw new HttpError('unsupported_media_type', `uploads are ${UPLOAD_TYPE}`)
  const sent = incomingOf(c) ?? streamOf(c.req.raw)
  const encoding = headers.get('content-encoding') ?? 'identity'
  if (encoding === 'identity') return readerOf(sent, signal, () => {})
  if (encoding !== 'gzip')
    throw new HttpError('unsupported_media_type', 'uploads may be packed with gzip, and with nothing else')
  const unpacked = createGunzip()
  // Not pipeline(): it would destroy the request, and the connection with it, before it is answered.
  const end = (): void => void unpacked.end()
  sent.on('error', end).on('close', end)
  sent.pipe(unpacked)
  return readerOf(unpacked, signal, () => {
    sent.off('error', end).off('close', end)
    sent.unpipe(unpacked)
    unpacked.on('error', () => {}) // what is left of it is of no interest
    unpacked.destroy()
  })
}

/**
 * For an app that was called without a socket. With one, nobody may look at `body`: that lays a web stream over Node's request,
 * and as nobody reads it, it pauses the request for good as soon as its own queue is full.
 */
function streamOf({ body }: Request): Readable {
  // Web streams and Node's differ in their types only.
  return body === null ? Readable.from([]) : Readable.fromWeb(body as never)
}

function readerOf(stream: Readable, signal: AbortSignal, close: () => void): UploadBody {
  const source = stream.iterator({ destroyOnReturn: false })
  const reader = byteReader(source, signal)
  return {
    reader,
    close() {
      close()
      // A stream whose iterator is still open does not flow, so it cannot be drained. What broke it, the reader saw as its end.
      source.return?.().catch(() => {})
    },
  }
}
