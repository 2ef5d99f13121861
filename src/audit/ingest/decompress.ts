// Content-Encoding of what agents send (RFC 9110 §8.4.1): the Collector and most others gzip, Vector and Fluent Bit zstd or
// deflate where they are told to.
import {
  createGunzip,
  createInflate,
  createInflateRaw,
  type Gunzip,
  type Inflate,
  type InflateRaw,
} from 'node:zlib'
import { AuditError } from '../event/errors.ts'
import { decompressZstd, tooLarge } from './decompress-zstd.ts'

const ACCEPTED = 'gzip, deflate, zstd and identity'
/** Output is collected in pieces of this size, so a bomb costs the limit and one of them; bytes. */
const chunks = { chunkSize: 65_536 }

/** Told of the bytes of output that there are, or will be, before more are made; ends the work by throwing. */
export type OnSize = (bytes: number) => void

/**
 * @param encoding value of Content-Encoding; undefined for none
 * @param limit most bytes of output
 * @throws AuditError `unsupported_encoding` (others, and more than one), `invalid_compression` (truncated or damaged),
 * `body_expands` (past the limit); what `onSize` throws
 */
export async function decompress(
  body: Uint8Array,
  encoding: string | undefined,
  limit: number,
  onSize: OnSize = () => {},
): Promise<Uint8Array> {
  const name = (encoding ?? '').trim().toLowerCase()
  switch (name) {
    case '':
    case 'identity':
      if (body.length > limit) throw tooLarge(limit)
      return body
    case 'gzip':
    case 'x-gzip':
      return unzip(createGunzip(chunks), name, body, limit, onSize)
    case 'deflate':
      return unzip(isZlib(body) ? createInflate(chunks) : createInflateRaw(chunks), name, body, limit, onSize)
    case 'zstd':
      return decompressZstd(body, limit, onSize)
    default:
      throw unsupported(name)
  }
}

/**
 * RFC 9110 §8.4.1.2 means zlib by `deflate` and knows that some send it raw. No encoder's raw stream looks like a zlib header:
 * it would be a stored block with padding that is not zero.
 */
function isZlib([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0
}

/** Off the main thread; gunzip reads concatenated members (RFC 1952 §2.2). */
function unzip(
  engine: Gunzip | Inflate | InflateRaw,
  name: string,
  body: Uint8Array,
  limit: number,
  onSize: OnSize,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = []
    let size = 0
    engine.on('data', (part: Uint8Array) => {
      try {
        size += part.length
        if (size > limit) throw tooLarge(limit)
        onSize(size)
        parts.push(part)
      } catch (error) {
        reject(error)
        engine.destroy()
      }
    })
    engine.on('error', (error) => reject(invalid(name, 'or its end is missing', error)))
    engine.on('end', () => {
      // What follows the end would be dropped without a word.
      if (engine.bytesWritten === body.length) resolve(Buffer.concat(parts, size))
      else reject(invalid(name, 'or something follows its end'))
    })
    engine.end(body)
  })
}

function invalid(name: string, or: string, cause?: Error): AuditError {
  return new AuditError('invalid_compression', `the body is not ${name}, ${or}`, {}, { cause })
}

function unsupported(name: string): AuditError {
  const why =
    name === 'snappy'
      ? 'snappy is not accepted: set the compression of the agent to gzip'
      : name.includes(',')
        ? `one content encoding at most: ${ACCEPTED} are accepted`
        : `this content encoding is not known: ${ACCEPTED} are accepted`
  return new AuditError('unsupported_encoding', why)
}
