// From what the caller hands over to the bytes that are kept and sent. Checked is only what would make the event no event:
// the log checks the rest, and keeps what it cannot read as it came.
import { randomUUID } from 'node:crypto'
import { SenderError } from './errors.ts'
import type { SenderEvent } from './event.ts'
import { MAX_PAYLOAD } from './frames.ts'

const OUTCOMES = ['success', 'failure', 'unknown']
const MAX_ACTION = 256
const MAX_ID = 256
/** RFC 3339; the log reads it strictly. */
const TIME =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/**
 * JSON of the event on one line, with an id and a time.
 * @throws SenderError `invalid_event` naming the member; `event_too_large`
 */
export function prepareEvent(event: SenderEvent, now: number): Uint8Array {
  const value: unknown = event
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('event', 'is not an object')
  }
  checkText('action', event.action, MAX_ACTION)
  if (!OUTCOMES.includes(event.outcome)) throw invalid('outcome', 'is not success, failure or unknown')
  if (event.id !== undefined) checkText('id', event.id, MAX_ID)
  if (event.time !== undefined && !(typeof event.time === 'string' && TIME.test(event.time))) {
    throw invalid('time', 'is not a time as in RFC 3339, such as 2026-01-31T12:00:00Z')
  }
  const bytes = Buffer.from(jsonOf(event, now))
  if (bytes.length > MAX_PAYLOAD) {
    const message = `The event has ${bytes.length} bytes of JSON; the most is ${MAX_PAYLOAD}. Record a reference to what is large instead.`
    throw new SenderError('event_too_large', message, { size: bytes.length, limit: MAX_PAYLOAD })
  }
  return bytes
}

function jsonOf(event: SenderEvent, now: number): string {
  const { id = randomUUID(), time = new Date(now).toISOString(), ...rest } = event
  try {
    return JSON.stringify({ id, time, ...rest })
  } catch (cause) {
    // What JSON.stringify says may quote member names of the event: it is left in the cause.
    throw new SenderError(
      'invalid_event',
      'The event cannot be written as JSON: it holds a bigint or itself.',
      {},
      { cause },
    )
  }
}

function checkText(member: string, value: unknown, max: number): void {
  if (typeof value !== 'string') throw invalid(member, 'is not a text')
  if (value === '') throw invalid(member, 'is empty')
  if (value.length > max) throw invalid(member, `has ${value.length} characters; the most is ${max}`)
}

function invalid(member: string, what: string): SenderError {
  return new SenderError('invalid_event', `${member} ${what}.`, { member })
}
