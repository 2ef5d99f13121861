// Entry bundles (https://c2sp.org/tlog-tiles, "Log entries"): each entry as its length in two bytes, big-endian, and its bytes.
import { readU16 } from './bytes.ts'
import { FormatError } from './errors.ts'
import { TILE_WIDTH } from './tile.ts'

/** Bytes in the largest entry. */
export const MAX_ENTRY_SIZE = 65_535

const PREFIX_SIZE = 2

/** @throws FormatError `entry_too_large`, naming the entry */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const bundle = new Uint8Array(entries.reduce((size, entry) => size + PREFIX_SIZE + entry.length, 0))
  const view = new DataView(bundle.buffer)
  let offset = 0
  for (const [position, entry] of entries.entries()) {
    if (entry.length > MAX_ENTRY_SIZE) {
      const message = `Entry ${position} has ${entry.length} bytes; the most is ${MAX_ENTRY_SIZE}.`
      throw new FormatError('entry_too_large', message, { entry: position, size: entry.length })
    }
    view.setUint16(offset, entry.length)
    bundle.set(entry, offset + PREFIX_SIZE)
    offset += PREFIX_SIZE + entry.length
  }
  return bundle
}

/**
 * Entries of a bundle, as views into `bundle`. Nothing may follow the last one; no bytes are no entries.
 * @param options.maxEntries refuse more than this many; 256, a full bundle, unless given
 * @throws FormatError `invalid_bundle`, naming entry and offset
 */
export function parseBundle(
  bundle: Uint8Array,
  options: { readonly maxEntries?: number } = {},
): Uint8Array[] {
  const { maxEntries = TILE_WIDTH } = options
  const entries: Uint8Array[] = []
  for (let offset = 0; offset < bundle.length;) {
    const where = { entry: entries.length, offset }
    if (entries.length === maxEntries)
      throw invalid(`The bundle holds more than ${maxEntries} entries.`, where)
    const left = bundle.length - offset - PREFIX_SIZE
    if (left < 0) throw invalid(`Entry ${where.entry} at byte ${offset} ends within its length.`, where)
    const size = readU16(bundle, offset)
    if (size > left)
      throw invalid(
        `Entry ${where.entry} at byte ${offset} announces ${size} bytes, but ${left} are left.`,
        where,
      )
    offset += PREFIX_SIZE + size
    entries.push(bundle.subarray(offset - size, offset))
  }
  return entries
}

function invalid(message: string, where: { entry: number; offset: number }): FormatError {
  return new FormatError('invalid_bundle', message, where)
}
