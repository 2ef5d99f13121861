// What the engine takes at once.
import type { Ready } from './types.ts'

/** Entries of one commit (log/limits.ts `batchEntries`). */
const MAX_ENTRIES = 8_192
/** Half of what may wait for its commit (log/limits.ts `waitingBytes`): two such calls fit. */
const MAX_BYTES = 32 * 2 ** 20

/** In order, each within the bounds, or of one event. */
export function* chunksOf(ready: readonly Ready[]): Generator<readonly Ready[]> {
  let start = 0
  let bytes = 0
  for (const [i, { entry, sidecars }] of ready.entries()) {
    let size = entry.length
    for (const sidecar of sidecars) size += sidecar.size
    if (i > start && (i - start === MAX_ENTRIES || bytes + size > MAX_BYTES)) {
      yield ready.slice(start, i)
      start = i
      bytes = 0
    }
    bytes += size
  }
  yield ready.slice(start)
}
