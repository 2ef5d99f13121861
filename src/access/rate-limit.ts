// How fast one principal may append and ask, and how many may read at once: reading must never take what appending needs.
// Each process counts for itself.
import { LRUCache } from 'lru-cache'
import { AccessError } from './errors.ts'
import type { Principal } from './principal.ts'

export type Bucket = 'append' | 'read'

/** Per principal and process; 0 for no limit. */
export interface RateLimits {
  /** Events a second. */
  readonly append: number
  /** Requests a second that append nothing. */
  readonly read: number
  /** Seconds' worth that may be used at once after a pause. Default 5. */
  readonly burst?: number
  /** Reads and searches under way at once, of all principals together; 0 for no limit. Default 64. */
  readonly reads?: number
}

export interface RateLimiter {
  /**
   * Whether anything is left; takes nothing. For appends, before their body is read.
   * @throws AccessError `rate_limited`
   */
  check(bucket: Bucket, principal: Principal): void
  /**
   * Takes `count`. A batch larger than what is left is let through whole and paid for afterwards, so that no batch is too large
   * for ever; while the debt lasts nothing is let through.
   * @throws AccessError `rate_limited` when nothing was left
   */
  take(bucket: Bucket, principal: Principal, count: number): void
  /** Takes `count` for what was let in and done already. */
  owe(bucket: Bucket, principal: Principal, count: number): void
  /** @returns what ends it. @throws AccessError `reads_busy` */
  enterRead(): () => void
}

interface Level {
  tokens: number
  at: number
}

/** A principal that was not seen for as long as this many others is given a full bucket again. */
const REMEMBERED = 10_000

/** @param monotonic milliseconds that never go back */
export function createRateLimiter(
  { append, read, burst = 5, reads = 64 }: RateLimits,
  monotonic: () => number = () => performance.now(),
): RateLimiter {
  const levels = new LRUCache<string, Level>({ max: REMEMBERED })
  let reading = 0

  function rateOf(bucket: Bucket, { rates }: Principal): number {
    return rates?.[bucket] ?? (bucket === 'append' ? append : read)
  }
  /** Filled up to now. */
  function levelOf(bucket: Bucket, principal: Principal, rate: number): Level {
    const key = `${bucket} ${principal.kind} ${principal.id}`
    const now = monotonic()
    const level = levels.get(key) ?? { tokens: rate * burst, at: now }
    level.tokens = Math.min(rate * burst, level.tokens + ((now - level.at) / 1000) * rate)
    level.at = now
    levels.set(key, level)
    return level
  }
  function check(bucket: Bucket, principal: Principal): void {
    const rate = rateOf(bucket, principal)
    if (rate === 0) return
    const { tokens } = levelOf(bucket, principal, rate)
    if (tokens < 1) throw tooFast(bucket, rate, Math.max(1, Math.ceil((1 - tokens) / rate)))
  }
  function owe(bucket: Bucket, principal: Principal, count: number): void {
    const rate = rateOf(bucket, principal)
    if (rate > 0) levelOf(bucket, principal, rate).tokens -= count
  }
  return {
    owe,
    check,
    take(bucket, principal, count) {
      check(bucket, principal)
      owe(bucket, principal, count)
    },
    enterRead() {
      if (reads > 0 && reading >= reads)
        throw new AccessError(
          'reads_busy',
          `${reads} reads are under way, and the rest is kept for appends: ask again`,
        )
      reading++
      let inside = true
      return () => {
        if (inside) reading--
        inside = false
      }
    },
  }
}

function tooFast(bucket: Bucket, rate: number, retryAfter: number): AccessError {
  const what = bucket === 'append' ? 'events' : 'requests'
  return new AccessError(
    'rate_limited',
    `more than ${rate} ${what} a second were sent with these credentials: wait ${retryAfter} s; nothing was stored`,
    { limit: bucket, rate, retry_after: retryAfter },
  )
}
