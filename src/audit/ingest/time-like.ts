// Times as agents write them.
import { UnreadableEvent } from '../event/errors.ts'
import { canonicalTime } from '../event/time.ts'
import type { Json } from '../event/types.ts'

/**
 * Canonical time of RFC 3339 text or of a count since 1970 in seconds, milliseconds, microseconds or nanoseconds by its size, with
 * its fraction exactly as its digits say (`canonicalTime`). Anything else as it is, for the reader of events to refuse.
 */
export function timeLike(value: Json | undefined): Json | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return value
  try {
    return canonicalTime(value)
  } catch (error) {
    if (error instanceof UnreadableEvent) return value
    throw error
  }
}
