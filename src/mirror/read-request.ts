// The parts of an add-entries body, in order: header, then package after package (https://c2sp.org/tlog-mirror).
import { decodeUtf8, readU16, readU64 } from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'
import { type Hash, HASH_SIZE } from '../core/hash.ts'
import type { ByteReader } from './byte-reader.ts'
import { MirrorError } from './errors.ts'
import { MAX_PACKAGE_HASHES, type UploadHeader } from './wire.ts'

/** What one package holds, as sent: nothing of it is believed yet. */
export interface EntryPackage {
  readonly entries: readonly Uint8Array[]
  readonly proof: readonly Hash[]
}

/** @throws MirrorError `invalid_request` */
export async function readHeader(body: ByteReader): Promise<UploadHeader> {
  try {
    const origin = decodeUtf8(await takePrefixed(body, 'origin'))
    if (origin === '') throw new MirrorError('invalid_request', 'The origin of the log is empty.')
    const start = readU64(await take(body, 8, 'upload start'), 0)
    const end = readU64(await take(body, 8, 'upload end'), 0)
    if (start > end)
      throw new MirrorError('invalid_request', `The upload starts at ${start}, beyond its end ${end}.`)
    return { origin, start, end, ticket: await takePrefixed(body, 'ticket') }
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new MirrorError('invalid_request', `Not an upload: ${cause.message}`, {}, { cause })
  }
}

/**
 * The next package; undefined when the body ends before the end of it.
 * @param count of entries
 * @param onBytes told how much memory the package takes so far; may throw
 * @throws MirrorError `invalid_request` for more hashes than any proof has
 */
export async function readPackage(
  body: ByteReader,
  count: number,
  onBytes: (bytes: number) => void,
): Promise<EntryPackage | undefined> {
  const entries: Uint8Array[] = []
  let bytes = 0
  while (entries.length < count) {
    if (!(body.has(2) || (await body.fill(2)))) return undefined
    const size = readU16(body.take(2), 0)
    bytes += size
    onBytes(bytes)
    if (!(body.has(size) || (await body.fill(size)))) return undefined
    entries.push(body.take(size))
  }
  if (!(body.has(1) || (await body.fill(1)))) return undefined
  const [hashes = 0] = body.take(1)
  if (hashes > MAX_PACKAGE_HASHES)
    throw new MirrorError(
      'invalid_request',
      `A package has at most ${MAX_PACKAGE_HASHES} hashes, not ${hashes}.`,
    )
  const size = hashes * HASH_SIZE
  if (!(body.has(size) || (await body.fill(size)))) return undefined
  return { entries, proof: Array.from({ length: hashes }, () => body.take(HASH_SIZE)) }
}

async function takePrefixed(body: ByteReader, what: string): Promise<Uint8Array> {
  return take(body, readU16(await take(body, 2, `length of the ${what}`), 0), what)
}

async function take(body: ByteReader, count: number, what: string): Promise<Uint8Array> {
  if (await body.fill(count)) return body.take(count)
  throw new MirrorError('invalid_request', `The body ends within the ${what}.`)
}
