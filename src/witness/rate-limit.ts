// Requests per log. Only known logs have a count, so that memory is bounded by their number.
import { RateLimited } from './refusal.ts'

interface Bucket {
  tokens: number
  at: number
}

/** Requests at once, beyond the rate, that a log may make after a pause: a client that learns its size asks two or three times. */
const BURST_SECONDS = 2
const LEAST_BURST = 4

/**
 * A token bucket per log. Call it for known logs only.
 * @param perSecond requests of one log
 * @param now milliseconds that never go back
 */
export function createRateLimit(perSecond: number, now: () => number): (origin: string) => void {
  const burst = Math.max(LEAST_BURST, perSecond * BURST_SECONDS)
  const buckets = new Map<string, Bucket>()
  return (origin) => {
    const at = now()
    const bucket = buckets.get(origin) ?? { tokens: burst, at }
    bucket.tokens = Math.min(burst, bucket.tokens + ((at - bucket.at) / 1000) * perSecond)
    bucket.at = at
    buckets.set(origin, bucket)
    if (bucket.tokens < 1) throw new RateLimited(Math.ceil((1 - bucket.tokens) / perSecond))
    bucket.tokens--
  }
}
