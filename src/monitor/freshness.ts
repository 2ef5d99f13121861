// How old a signed head is: by the newest time that a signature vouches for, or else by this machine's clock.
import type { CheckedCheckpoint } from '../core/check-policy.ts'

export interface Age {
  /** Milliseconds. */
  readonly age: number
  /** In words, after which. */
  readonly since: string
}

/** Further ahead than this, a signature or this machine has the wrong time; milliseconds. */
const SKEW = 300_000

/**
 * @param grownAt when its size was first seen, in POSIX milliseconds: counts only when no signature has a time
 * @param now POSIX milliseconds
 */
export function ageOf(head: CheckedCheckpoint, grownAt: number, now: number): Age {
  const signedAt = Math.max(...timesOf(head).filter((time) => time <= now + SKEW))
  if (signedAt > 0) return { age: now - signedAt, since: `the newest signature is of ${timeText(signedAt)}` }
  return {
    age: now - grownAt,
    since: `size unchanged since ${timeText(grownAt)}, and no signature has a time`,
  }
}

/** The first signature that is of the future; undefined when none is. POSIX milliseconds. */
export function futureTime(head: CheckedCheckpoint, now: number): number | undefined {
  return timesOf(head).find((time) => time > now + SKEW)
}

/** ISO 8601, whole seconds; times beyond the calendar as they are. */
export function timeText(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString().replace(/\.\d+Z$/, 'Z')
}

/** Timestamp 0 is no statement (https://c2sp.org/tlog-cosignature). */
function timesOf({ logKeys, cosigners }: CheckedCheckpoint): number[] {
  return [...logKeys, ...cosigners].flatMap(({ timestamp }) => (timestamp ? [timestamp * 1000] : []))
}
