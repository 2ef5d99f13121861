// The last step of every ingest route: counted against the caller's rate, filed under its source, committed.
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import { chargeEvents } from '../../http/charge.ts'
import type { Log } from '../../log/types.ts'
import type { Records } from '../event/types.ts'
import type { EventReceipt, Recorder } from '../record/types.ts'
import { sourceOf } from './source.ts'

/** @throws AccessError `rate_limited`; what Recorder.record throws */
export function takeIn(
  c: Context,
  recorder: Recorder,
  log: Log,
  who: Principal | undefined,
  incoming: Records,
): Promise<EventReceipt[]> {
  chargeEvents(c, incoming.length)
  return recorder.record(log, incoming, sourceOf(who))
}
