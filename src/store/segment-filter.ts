// Bloom filters over sealed segments, so that deduplication asks the database only about the newest segment and about the
// few hashes that a filter cannot rule out: probing eight segments a hash would take 72 ms per 4,096 entries, one takes 7.
import { LRUCache } from 'lru-cache'
import { HASH_SIZE } from '../core/hash.ts'
import { SEGMENT_SIZE } from './leaf-key.ts'

/** 16 bits a hash and 4 probes: one in 400 unknown hashes is asked about in vain. */
const BITS = SEGMENT_SIZE * 16
const PROBES = 4
/** 64 filters of 2 MiB. */
const FILTERS_IN_MEMORY = 64

/** Which segments may hold a leaf hash. Sealed segments never change, so a filter is built once, from leaf hashes. */
export interface SegmentFilters {
  /** False only when the sealed segment certainly lacks the hash. Starts building the filter when there is none yet. */
  mayHold(logId: number, segment: number, hashes: Uint8Array, offset: number): boolean
}

/** @param readLeafHashes yields all leaf hashes of a sealed segment, concatenated, in chunks */
export function createSegmentFilters(
  readLeafHashes: (logId: number, segment: number) => AsyncIterable<Uint8Array>,
): SegmentFilters {
  const filters = new LRUCache<string, Uint32Array>({ max: FILTERS_IN_MEMORY })
  const building = new Set<string>()

  async function build(logId: number, segment: number, key: string): Promise<void> {
    try {
      const bits = new Uint32Array(BITS / 32)
      for await (const hashes of readLeafHashes(logId, segment)) addAll(bits, hashes)
      filters.set(key, bits)
    } catch {
      // Without its filter the segment is asked in the database: slower, never wrong. The next look-up tries again.
    } finally {
      building.delete(key)
    }
  }

  return {
    mayHold(logId, segment, hashes, offset) {
      const key = `${logId}/${segment}`
      const bits = filters.get(key)
      if (bits !== undefined) return holds(bits, hashes, offset)
      if (building.size === 0) {
        building.add(key)
        void build(logId, segment, key)
      }
      return true
    },
  }
}

function addAll(bits: Uint32Array, hashes: Uint8Array): void {
  for (let offset = 0; offset < hashes.length; offset += HASH_SIZE) {
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = position(hashes, offset, probe)
      bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31))
    }
  }
}

function holds(bits: Uint32Array, hashes: Uint8Array, offset: number): boolean {
  for (let probe = 0; probe < PROBES; probe++) {
    const bit = position(hashes, offset, probe)
    if (((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false
  }
  return true
}

/** Leaf hashes are uniform: three of their bytes are a position among 2^24. */
function position(hashes: Uint8Array, offset: number, probe: number): number {
  const at = offset + 8 + probe * 3
  return ((hashes[at] ?? 0) << 16) | ((hashes[at + 1] ?? 0) << 8) | (hashes[at + 2] ?? 0)
}
