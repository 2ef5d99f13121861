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
  const flags: EventFlag[] = []
  const time = Date.parse(incoming.event.time)
  if (time < now - PAST) flags.push('time_past')
  if (time > now + FUTURE) flags.push('time_future')
  if (incoming.signature?.result === 'failed') flags.push('signature_failed')
  return flags
}
