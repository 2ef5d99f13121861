// What an adapter hands over: an event where it can be read as one, else what was sent, as it was sent.
import { hash } from 'node:crypto'
import { UnreadableEvent } from './errors.ts'
import { readEvent } from './event-reader.ts'
import { type Format, type Incoming, type Json, RAW_LIMIT } from './types.ts'

export { readEvent }

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The event that `value` is, or `sent` for quarantine with the reason. */
export function incomingOf(value: Json, format: Format, sent: Uint8Array): Incoming {
  try {
    return { kind: 'event', format, event: readEvent(value) }
  } catch (error) {
    if (error instanceof UnreadableEvent) return rawIncoming(sent, format, error)
    throw error
  }
}

/**
 * A record for quarantine: its text where it is UTF-8, else a data URL of its bytes; cut to RAW_LIMIT characters, then with the
 * hash of all of it.
 */
export function rawIncoming(sent: Uint8Array, format: Format, why: UnreadableEvent): Incoming {
  const text = textOf(sent)
  const reason = { code: why.code, message: why.message }
  const record = { kind: 'raw', format, size: sent.length, reason } as const
  if (text.length <= RAW_LIMIT) return { ...record, raw: text }
  const sha256 = hash('sha256', sent, 'hex')
  // Never through the middle of a character.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(RAW_LIMIT - 1)) ? RAW_LIMIT - 1 : RAW_LIMIT
  return { ...record, raw: text.slice(0, end), sha256 }
}

function textOf(sent: Uint8Array): string {
  try {
    return decoder.decode(sent)
  } catch {
    return `data:application/octet-stream;base64,${Buffer.from(sent).toString('base64')}`
  }
}
