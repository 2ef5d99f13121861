// What add-entries sends and answers, https://c2sp.org/tlog-mirror. Every parser accepts exactly what its formatter writes.
import {
  concat,
  decodeUtf8,
  encodeUtf8,
  fromBase64,
  parseDecimal,
  toBase64,
  writeU16,
  writeU64,
} from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'
import { TILE_WIDTH } from '../core/tile.ts'
import type { Range } from '../core/tree.ts'
import { MirrorError } from './errors.ts'

/** The head of a request: entries `start` to `end` of the tree of `end` entries. */
export interface UploadHeader {
  readonly origin: string
  readonly start: number
  readonly end: number
  /** Opaque to the client; at most 65,535 bytes. */
  readonly ticket: Uint8Array
}

/** Where an upload goes on: the answer to one that is not complete, or not possible as asked. */
export interface MirrorInfo {
  /** Size of a checkpoint that the mirror knows, and so a possible `end`. */
  readonly size: number
  /** First entry that the mirror lacks. */
  readonly next: number
  /** Has the mirror know that checkpoint later, too. */
  readonly ticket: Uint8Array
}

/** The entries of one package, and the subtree that its proof is about; both end at the same index. */
export interface PackageRange {
  readonly entries: Range
  readonly subtree: Range
}

/** Compared byte for byte in the field. */
export const INFO_CONTENT_TYPE = 'text/x.tlog.mirror-info'
/** More hashes are never needed to prove a subtree of a tree of 2^63 leaves. */
export const MAX_PACKAGE_HASHES = 63

/** @throws FormatError `invalid_number` for an origin or ticket beyond 65,535 bytes */
export function formatHeader({ origin, start, end, ticket }: UploadHeader): Uint8Array {
  const name = encodeUtf8(origin)
  return concat(writeU16(name.length), name, writeU64(start), writeU64(end), writeU16(ticket.length), ticket)
}

/** The canonical sequence of packages of an upload: cut at multiples of 256. */
export function* packageRanges({ start, end }: Range): Generator<PackageRange> {
  for (let from = start; from < end;) {
    const aligned = from - (from % TILE_WIDTH)
    const to = Math.min(end, aligned + TILE_WIDTH)
    yield { entries: { start: from, end: to }, subtree: { start: aligned, end: to } }
    from = to
  }
}

export function formatMirrorInfo({ size, next, ticket }: MirrorInfo): string {
  return `${size}\n${next}\n${toBase64(ticket)}\n`
}

/** @throws MirrorError `invalid_answer` */
export function parseMirrorInfo(body: Uint8Array): MirrorInfo {
  try {
    const [size = '', next = '', ticket = '', ...rest] = decodeUtf8(body).split('\n')
    if (rest.length !== 1 || rest[0] !== '')
      throw new MirrorError('invalid_answer', 'A mirror-info has three lines, each ended by a newline.')
    return { size: parseDecimal(size), next: parseDecimal(next), ticket: fromBase64(ticket) }
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new MirrorError('invalid_answer', `Not a mirror-info: ${cause.message}`, {}, { cause })
  }
}
