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
  const { headers, body } = c.req.raw
  if (headers.get('content-type') !== UPLOAD_TYPE)
    throw new HttpError('unsupported_media_type', `uploads are ${UPLOAD_TYPE}`)
  const incoming = incomingOf(c)
  // Web streams and Node's differ in their types only.
  const sent: Readable = incoming ?? (body === null ? Readable.from([]) : Readable.fromWeb(body as never))
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

function readerOf(stream: Readable, signal: AbortSignal, close: () => void): UploadBody {
  const source = stream.iterator({ destroyOnReturn: false })
  return { reader: byteReader(source, signal), close }
}
