// What senders for Splunk's HTTP Event Collector post: GitHub, Auth0, Fluent Bit, Vector, Docker.
import { UnreadableEvent } from '../event/errors.ts'
import { incomingOf, rawIncoming } from '../event/read-event.ts'
import { parseStrictJson } from '../event/strict-json.ts'
import type { Incoming, Json, JsonObject } from '../event/types.ts'
import { HecError } from './hec-answers.ts'
import { hecEvent, numbered } from './hec-event.ts'
import {
  concatenated,
  elementsOf,
  isArrayAt,
  isObjectAt,
  linesOf,
  skipSpace,
  type Span,
} from './json-split.ts'
import { bomLength, limitEvents } from './native.ts'
import { isObject } from './pick.ts'
import type { ParsedBody } from './types.ts'

/**
 * Events of a body of `/services/collector[/event]`: JSON objects `{time, host, source, sourcetype, index, event, fields}` one
 * after the other, or an array of them. Mapped as {@link hecEvent} says. Never `single`: a bad one is quarantined, and only a body
 * in which there is nothing to keep is refused.
 *
 * An event without any time gets `received`, so it is another event when it is sent again: senders that retry should set `time`.
 * Two records with the same time and contents, and no id, are one event.
 * @param received when the request came, as a canonical time; now by default
 * @throws HecError 5 an empty body; 6 not one readable object; 12, 13 not one object with an event; AuditError `too_many_events`
 */
export function parseHec(body: Uint8Array, received = new Date().toISOString()): ParsedBody {
  const start = skipSpace(body, bomLength(body))
  if (start === body.length) throw new HecError(5)
  const spans = spansOf(body, start)
  limitEvents(spans.length)
  let refusal: HecError | undefined
  let kept = 0
  const incoming = spans.map(({ start: from, end }, number) => {
    const sent = body.subarray(from, end)
    const { record, fault } = readRecord(sent, number, received)
    if (fault) refusal ??= fault
    else kept++
    return record
  })
  if (kept === 0) throw refusal ?? new HecError(5)
  return { incoming, single: false }
}

/**
 * Lines of a body of `/services/collector/raw`, one event each; blank ones are skipped. `host`, `source`, `sourcetype`, `index` and
 * `time` stand in the query and are those of every line. A line that is a JSON event is read as that event. Without `time`, lines
 * have the time that the request came, as at {@link parseHec}. Those without an id have their number under `extra.hec`, because
 * equal lines of one file are not one event.
 * @throws HecError 5 no line; AuditError `too_many_events`
 */
export function parseHecRaw(
  body: Uint8Array,
  query: URLSearchParams,
  received = new Date().toISOString(),
): ParsedBody {
  const spans = linesOf(body, bomLength(body))
  if (spans.length === 0) throw new HecError(5)
  limitEvents(spans.length)
  const names = ['time', 'host', 'source', 'sourcetype', 'index']
  const common: [string, Json][] = names.flatMap((name) => {
    const value = query.get(name)
    return value === null || value === '' ? [] : [[name, value]]
  })
  const incoming = spans.map(({ start, end }, number) => {
    const sent = body.subarray(start, end)
    const line = utf8(sent)
    if (line === undefined)
      return rawIncoming(sent, 'hec', new UnreadableEvent('not_utf8', 'the line is not UTF-8'))
    const event = hecEvent(Object.fromEntries([...common, ['event', line]]), received, number)
    return incomingOf(event['id'] === undefined ? numbered(event, number) : event, 'hec', sent)
  })
  return { incoming, single: false }
}

function spansOf(body: Uint8Array, start: number): readonly Span[] {
  if (!isArrayAt(body, start)) return isObjectAt(body, start) ? concatenated(body, start) : refuse()
  const array = elementsOf(body, start)
  if (!array || skipSpace(body, array.end) < body.length) return refuse()
  return array.elements
}

function refuse(): never {
  throw new HecError(6, 0)
}

/** The record, and what there is to say against it if it holds nothing worth keeping. */
function readRecord(
  sent: Uint8Array,
  number: number,
  received: string,
): { readonly record: Incoming; readonly fault?: HecError } {
  let value: Json
  try {
    value = parseStrictJson(sent)
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error
    const record = rawIncoming(sent, 'hec', error)
    return error.code === 'not_json' || error.code === 'not_utf8'
      ? { record, fault: new HecError(6, number) }
      : { record }
  }
  const code = isObject(value) ? missing(value) : 6
  if (!isObject(value) || code !== undefined) {
    const why = new UnreadableEvent(
      'invalid_event',
      'a HEC record is an object with an event that is not blank',
    )
    return { record: rawIncoming(sent, 'hec', why), fault: new HecError(code ?? 6, number) }
  }
  return { record: incomingOf(hecEvent(value, received, number), 'hec', sent) }
}

function missing(value: JsonObject): 12 | 13 | undefined {
  const event = value['event']
  if (event === undefined) return 12
  return event === null || (typeof event === 'string' && event.trim() === '') ? 13 : undefined
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
