// Zstandard (RFC 8878) by libzstd compiled to WebAssembly: node:zlib has it only from 22.15 on, and one way that is the same on
// every version is tested once. The library decompresses into a buffer of a size that it is given, so the frames are walked
// first: their headers say how much there can be at most, and whether the end is missing.
import { ZSTDDecoder } from 'zstddec'
import { AuditError } from '../event/errors.ts'
import type { OnSize } from './decompress.ts'

/** The most that one block may decompress to (RFC 8878 §3.1.1.2.4); bytes. */
const BLOCK_MAX = 131_072
const MAGIC = 0xfd2f_b528
/** 0x184d2a50 to 0x184d2a5f: a frame that decoders skip. */
const SKIPPABLE = 0x0184_d2a5

let decoder: Promise<ZSTDDecoder> | undefined

/**
 * @param limit most bytes of output
 * @param onSize told how many there are at most, before any is made
 * @throws AuditError `invalid_compression`, `body_expands`
 */
export async function decompressZstd(body: Uint8Array, limit: number, onSize: OnSize): Promise<Uint8Array> {
  const most = mostOutput(body)
  if (most === 0) return new Uint8Array(0)
  onSize(Math.min(most, limit))
  decoder ??= load()
  // An error of the library is an empty result: with a content that cannot be empty it can be nothing else.
  const output = (await decoder).decode(body, Math.min(most, limit))
  if (output.length > 0) return output
  if (most > limit) throw tooLarge(limit)
  throw invalid('its blocks or its checksum are damaged')
}

export function tooLarge(limit: number): AuditError {
  return new AuditError(
    'body_expands',
    `the body expands to more than ${limit} bytes: send smaller batches`,
    {
      limit,
    },
  )
}

async function load(): Promise<ZSTDDecoder> {
  const made = new ZSTDDecoder()
  await made.init()
  return made
}

function invalid(what: string): AuditError {
  return new AuditError('invalid_compression', `the body is not Zstandard (RFC 8878): ${what}`)
}

/** An upper bound of what the frames hold, without decompressing anything. */
function mostOutput(body: Uint8Array): number {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  let at = 0
  let most = 0
  if (body.length === 0) throw invalid('it is empty')
  try {
    while (at < body.length) {
      const magic = view.getUint32(at, true)
      if (magic >>> 4 === SKIPPABLE) {
        at += 8 + view.getUint32(at + 4, true)
      } else if (magic === MAGIC) {
        const frame = walkFrame(view, at + 4)
        at = frame.end
        most += frame.most
      } else {
        throw invalid('a frame does not begin with its magic number')
      }
    }
  } catch (error) {
    if (error instanceof RangeError) throw invalid('it ends in the middle of a frame')
    throw error
  }
  if (at !== body.length) throw invalid('it ends in the middle of a frame')
  return most
}

/** @throws RangeError where the frame ends too early */
function walkFrame(view: DataView, start: number): { end: number; most: number } {
  const descriptor = view.getUint8(start)
  const singleSegment = (descriptor & 0x20) !== 0
  const contentSizeFlag = descriptor >>> 6
  const dictionaryIdSize = [0, 1, 2, 4][descriptor & 3] ?? 0
  const contentSizeSize = contentSizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << contentSizeFlag
  const checksum = (descriptor & 0x04) === 0 ? 0 : 4
  let at = start + 1 + (singleSegment ? 0 : 1) + dictionaryIdSize + contentSizeSize
  let most = 0
  for (let last = false; !last;) {
    const header = view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16)
    const size = header >>> 3
    const type = (header >>> 1) & 3
    last = (header & 1) === 1
    most += type === 2 ? BLOCK_MAX : size
    at += 3 + (type === 1 ? 1 : size)
  }
  if (at + checksum > view.byteLength) throw new RangeError('past the end')
  return { end: at + checksum, most }
}
