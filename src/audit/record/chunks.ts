// What the engine takes at once.
import type { Sealed } from '../vault/types.ts'

/** Entries of one commit (log/limits.ts `batchEntries`). */
const MAX_ENTRIES = 8_192
/** Half of what may wait for its commit (log/limits.ts `waitingBytes`): two such calls fit. */
const MAX_BYTES = 32 * 2 ** 20

/** In order, each within the bounds, or of one event. */
export function* chunksOf(sealed: readonly Sealed[]): Generator<readonly Sealed[]> {
  let start = 0
  let bytes = 0
  for (const [i, { entry, sidecars }] of sealed.entries()) {
    let size = entry.length
    for (const sidecar of sidecars) size += sidecar.size
    if (i > start && (i - start === MAX_ENTRIES || bytes + size > MAX_BYTES)) {
      yield sealed.slice(start, i)
      start = i
      bytes = 0
    }
    bytes += size
  }
  yield sealed.slice(start)
}
