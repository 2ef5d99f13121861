// Records in a file: magic, length, CRC-32, time, and the JSON of the event. The magic has bytes that no UTF-8 text has, so the
// next record is found again after damage of any kind.
import { crc32 } from 'node:zlib'

/** FF and FE occur in no UTF-8 text. */
const MAGIC = Buffer.from([0xff, 0x50, 0x4c, 0xfe])
/** magic 4 ‖ length of the payload 4 ‖ CRC-32 of length, time and payload 4 ‖ time in ms as a double 8; big-endian. */
export const FRAME_HEADER = 20
/** Bytes of the JSON of one event at most; the log takes no more either. */
export const MAX_PAYLOAD = 262_144

export interface SpoolRecord {
  /** First byte of its frame, and the one after its last. */
  readonly at: number
  readonly end: number
  /** When it was accepted; milliseconds since 1970. */
  readonly time: number
  readonly payload: Uint8Array
}

export interface Damage {
  readonly at: number
  readonly end: number
  readonly payload?: undefined
}

/** @param payload at most MAX_PAYLOAD bytes */
export function encodeFrame(payload: Uint8Array, time: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER + payload.length)
  frame.set(MAGIC, 0)
  frame.writeUInt32BE(payload.length, 4)
  frame.writeDoubleBE(time, 12)
  frame.set(payload, FRAME_HEADER)
  frame.writeUInt32BE(checksum(frame, 0, frame.length), 8)
  return frame
}

/**
 * The records of a piece of a file, and the damaged places between them, in order. Positions count from the start of `bytes`.
 * @param whole the piece ends where the file ends: what is incomplete at its end is damage. Otherwise it is left out.
 */
export function* readFrames(bytes: Buffer, whole: boolean): Generator<SpoolRecord | Damage> {
  let at = 0
  while (at < bytes.length) {
    const end = frameEnd(bytes, at)
    if (end === 'cut' && !whole) return
    if (typeof end === 'number') {
      const payload = bytes.subarray(at + FRAME_HEADER, end)
      yield { at, end, time: bytes.readDoubleBE(at + 12), payload }
      at = end
      continue
    }
    const next = nextFrame(bytes, at + 1, whole)
    yield { at, end: next }
    at = next
  }
}

/** Where the next good frame begins, or, in a piece of a file, one that may turn out to be good. */
function nextFrame(bytes: Buffer, from: number, whole: boolean): number {
  for (let at = bytes.indexOf(MAGIC, from); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    const end = frameEnd(bytes, at)
    if (typeof end === 'number' || (end === 'cut' && !whole)) return at
  }
  // The last bytes of a piece may be the beginning of a magic.
  return whole ? bytes.length : Math.max(from, bytes.length - MAGIC.length + 1)
}

/** End of the good frame at `at`; `cut` when more bytes are needed to tell; `bad` when it is none. */
function frameEnd(bytes: Buffer, at: number): number | 'cut' | 'bad' {
  const magic = Math.min(MAGIC.length, bytes.length - at)
  if (bytes.compare(MAGIC, 0, magic, at, at + magic) !== 0) return 'bad'
  if (bytes.length - at < FRAME_HEADER) return 'cut'
  const length = bytes.readUInt32BE(at + 4)
  if (length > MAX_PAYLOAD) return 'bad'
  const end = at + FRAME_HEADER + length
  if (end > bytes.length) return 'cut'
  return bytes.readUInt32BE(at + 8) === checksum(bytes, at, end) ? end : 'bad'
}

function checksum(bytes: Buffer, at: number, end: number): number {
  return crc32(bytes.subarray(at + 12, end), crc32(bytes.subarray(at + 4, at + 8)))
}
