// Bloom filters over the segments of a log, so that deduplication asks the database only about hashes that a filter cannot
// rule out: probing eight segments would take 72 ms per 4,096 entries, one segment 7 ms, the filters take 1 ms. A filter that
// is missing or behind costs time, never truth: then the database is asked.
import { LRUCache } from 'lru-cache'
import { HASH_SIZE } from '../core/hash.ts'
import { SEGMENT_SIZE } from './leaf-key.ts'

/** 16 bits a hash and 4 probes: one in 400 unknown hashes is asked about in vain. */
const BITS = SEGMENT_SIZE * 16
const PROBES = 4
/** 64 filters of 2 MiB. */
const FILTERS_IN_MEMORY = 64

export interface SegmentFilters {
  /** Forgets what is known of a segment. */
  forget(logId: number, segment: number): void
  /** Index up to which (exclusive) the filter of a segment knows all hashes; the segment's start when there is no filter. */
  knownUpTo(logId: number, segment: number): number
  /** False only when the segment of a log of `size` entries certainly lacks the hash. */
  mayHold(logId: number, segment: number, size: number, hashes: Uint8Array, offset: number): boolean
  /** Takes in committed leaf hashes of the entries from `first` on; they may cross segments. */
  add(logId: number, first: number, hashes: Uint8Array): void
  /** Builds the filter of a segment from the log, up to `end`, in the background; one at a time. */
  build(logId: number, segment: number, end: number): void
}

interface Filter {
  readonly bits: Uint32Array
  upTo: number
}

/** @param readLeafHashes yields the leaf hashes of entries `start` to `end` (multiples of 256), concatenated, in chunks */
export function createSegmentFilters(
  readLeafHashes: (logId: number, start: number, end: number) => AsyncIterable<Uint8Array>,
): SegmentFilters {
  const filters = new LRUCache<string, Filter>({ max: FILTERS_IN_MEMORY })
  let building = false

  function addWithin(logId: number, segment: number, first: number, hashes: Uint8Array): void {
    const key = `${logId}/${segment}`
    let filter = filters.get(key)
    if (filter === undefined && first === segment * SEGMENT_SIZE) {
      filter = { bits: new Uint32Array(BITS / 32), upTo: first }
      filters.set(key, filter)
    }
    // Ahead: the database stepped back under us, and what the filter knows is of another copy.
    if (filter !== undefined && filter.upTo > first) filters.delete(key)
    // Behind (entries in between came from elsewhere): what it does not know, the database will be asked.
    if (filter?.upTo !== first) return
    addAll(filter.bits, hashes)
    filter.upTo = first + hashes.length / HASH_SIZE
  }

  async function buildNow(logId: number, segment: number, end: number): Promise<void> {
    const start = segment * SEGMENT_SIZE
    const filter: Filter = { bits: new Uint32Array(BITS / 32), upTo: start }
    for await (const hashes of readLeafHashes(logId, start, end)) {
      addAll(filter.bits, hashes)
      filter.upTo += hashes.length / HASH_SIZE
    }
    filters.set(`${logId}/${segment}`, filter)
  }

  return {
    forget: (logId, segment) => void filters.delete(`${logId}/${segment}`),
    knownUpTo: (logId, segment) => filters.get(`${logId}/${segment}`)?.upTo ?? segment * SEGMENT_SIZE,
    mayHold(logId, segment, size, hashes, offset) {
      const filter = filters.get(`${logId}/${segment}`)
      if (filter === undefined || filter.upTo < Math.min(size, (segment + 1) * SEGMENT_SIZE)) return true
      return holds(filter.bits, hashes, offset)
    },
    add(logId, first, hashes) {
      for (let index = first, rest = hashes; rest.length > 0;) {
        const segment = Math.floor(index / SEGMENT_SIZE)
        const here = rest.subarray(0, ((segment + 1) * SEGMENT_SIZE - index) * HASH_SIZE)
        addWithin(logId, segment, index, here)
        index += here.length / HASH_SIZE
        rest = rest.subarray(here.length)
      }
    },
    build(logId, segment, end) {
      if (building) return
      building = true
      // A failed read leaves no filter; the next look-up asks the database and tries again.
      buildNow(logId, segment, end).then(
        () => (building = false),
        () => (building = false),
      )
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
