// What a receipt says about an event that was taken in as it is. None of it is in the leaf: it depends on when it came.
import type { Incoming } from '../event/types.ts'
import type { EventFlag } from './types.ts'

/** Older than this is no delay any more; milliseconds. */
const PAST = 86_400_000
/** Further ahead than this is no difference between clocks any more; milliseconds. */
const FUTURE = 300_000

/** @param now POSIX milliseconds */
export function flagsOf(incoming: Incoming, now: number): EventFlag[] {
  if (incoming.kind === 'raw') return ['quarantined']
  const flags = timeFlags(incoming.event.time, { after: now, before: now })
  if (incoming.signature?.result === 'failed') flags.push('signature_failed')
  return flags
}

/**
 * What is to be said of the time of an event.
 * @param taken when the log took it, as far as that is known: POSIX milliseconds
 */
export function timeFlags(
  time: string,
  taken: { readonly after: number; readonly before: number },
): EventFlag[] {
  const at = Date.parse(time)
  if (at < taken.after - PAST) return ['time_past']
  return at > taken.before + FUTURE ? ['time_future'] : []
}
