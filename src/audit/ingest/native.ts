// The native endpoint's bodies: what curl, the SDK, Fluent Bit's `http` output and Vector's `http` sink send.
import { AuditError, UnreadableEvent } from '../event/errors.ts'
import { incomingOf, rawIncoming } from '../event/read-event.ts'
import { parseStrictJson } from '../event/strict-json.ts'
import type { Incoming, Records, Sent } from '../event/types.ts'
import {
  concatenated,
  elementsOf,
  isArrayAt,
  isObjectAt,
  linesOf,
  skipSpace,
  type Span,
} from './json-split.ts'
import { nativeOf } from './native-text.ts'
import type { ParsedBody } from './types.ts'

/** Records of one body at most, of any protocol: what one transaction takes. */
export const MAX_EVENTS = 8_192

const LINES = new Set(['application/x-ndjson', 'application/jsonl', 'application/json-lines'])

/**
 * Events of a body. `application/json`: one object, an array, or objects one after the other (Fluent Bit's `json_stream`).
 * `application/x-ndjson`, `application/jsonl`, `application/json-lines`: one per line; blank lines are skipped, CRLF and a last
 * line without an end are fine. Parameters of the media type are ignored; any other type is read as `application/json`.
 *
 * Each record is parsed on its own: one that is no event becomes a raw record with its bytes, and the others are what they are.
 * A body whose own brackets are broken is one raw record (`not_json`), `single`. Besides native events it understands the
 * shapes listed at `shapeOf`.
 * @throws AuditError `too_many_events` beyond {@link MAX_EVENTS} records
 */
export function parseNative(body: Uint8Array, mediaType: string): ParsedBody<Records> {
  const sent: Sent = { door: 'native', body, mediaType }
  const start = skipSpace(body, bomLength(body))
  if (LINES.has(mediaType.split(';', 1)[0]?.trim().toLowerCase() ?? ''))
    return { incoming: readSpans(sent, linesOf(body, start)), single: false }
  if (start === body.length) return { incoming: [], single: false }
  if (isArrayAt(body, start)) return parseArray(sent, start)
  if (!isObjectAt(body, start)) return broken(body)
  const spans = concatenated(body, start)
  return { incoming: readSpans(sent, spans), single: spans.length === 1 }
}

function parseArray(sent: Sent, start: number): ParsedBody<Records> {
  const { body } = sent
  const array = elementsOf(body, start)
  if (!array || skipSpace(body, array.end) < body.length) return broken(body)
  return { incoming: readSpans(sent, array.elements), single: false }
}

function broken(body: Uint8Array): ParsedBody<Records> {
  const why = new UnreadableEvent(
    'not_json',
    'the body is not JSON: send one object, an array of objects, or one object after the other',
  )
  return { incoming: [rawIncoming(body, 'native', why)], single: true }
}

/** @throws AuditError `too_many_events` */
function readSpans(sent: Sent, spans: readonly Span[]): Records {
  limitEvents(spans.length)
  return {
    length: spans.length,
    sent,
    *[Symbol.iterator]() {
      for (const { start, end } of spans) yield readRecord(sent.body.subarray(start, end))
    },
  }
}

/** One record. Never throws but for faults of ours: what cannot be read is a raw record. */
function readRecord(sent: Uint8Array): Incoming {
  try {
    return incomingOf(nativeOf(parseStrictJson(sent)), 'native', sent)
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error
    return rawIncoming(sent, 'native', error)
  }
}

/** @throws AuditError `too_many_events` */
export function limitEvents(count: number): void {
  if (count > MAX_EVENTS)
    throw new AuditError(
      'too_many_events',
      `${count} events in one request: send ${MAX_EVENTS} at most, and several requests; nothing of this request was stored`,
      { count, limit: MAX_EVENTS },
    )
}

/** RFC 8259 §8.1 lets a receiver ignore a byte order mark; some senders on Windows write one. */
export function bomLength(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}
