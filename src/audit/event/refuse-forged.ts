// Whoever may append bytes could write what reads as an event of another source, or as an erasure: events come by their own doors,
// where their source is that of the key.
import { glanceEnvelope } from './envelope.ts'
import { AuditError } from './errors.ts'

/** @throws AuditError `forged_event` naming the first entry that would read as an event */
export function refuseForged(entries: readonly Uint8Array[]): void {
  const at = entries.findIndex((entry) => glanceEnvelope(entry) !== undefined)
  if (at < 0) return
  throw new AuditError(
    'forged_event',
    `entry ${at} would read as an event of this log: send events to /events, where the log knows who sends them; nothing was stored`,
    { entry: at },
  )
}
