// The B-tree key under which an entry is found by its leaf hash: the segment of its index, then 44 bits of the hash. All
// inserts of a while fall into one segment, so the hot part of the B-tree stays the same size for ever: at 8 million
// entries COPY ran at 115,000/s with it and at 64,000/s with an index on the bare hash. A look-up probes each segment.

/** Entries of one segment. */
export const SEGMENT_SIZE = 2 ** 20
/** Deduplication looks this many entries back, rounded up to whole segments (docs/architecture.md). */
export const DEDUP_WINDOW = 2 ** 23

/** Segment of an index. */
export function segmentOf(index: number): number {
  return Math.floor(index / SEGMENT_SIZE)
}

/** High 32 bits of the key: segment and 12 bits of the hash. Segments end at 2^19, that is at 2^39 entries. */
export function leafKeyHigh(segment: number, hashes: Uint8Array, offset: number): number {
  return segment * 4096 + (hashes[offset] ?? 0) * 16 + ((hashes[offset + 1] ?? 0) >>> 4)
}

/** Low 32 bits of the key. */
export function leafKeyLow(hashes: Uint8Array, offset: number): number {
  return new DataView(hashes.buffer, hashes.byteOffset + offset).getUint32(2)
}

/** The key as a decimal string, as the driver takes a bigint. */
export function leafKey(segment: number, hashes: Uint8Array, offset: number): string {
  return (
    (BigInt(leafKeyHigh(segment, hashes, offset)) << 32n) |
    BigInt(leafKeyLow(hashes, offset))
  ).toString()
}
