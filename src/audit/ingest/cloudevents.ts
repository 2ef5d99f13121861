// CloudEvents 1.0 over HTTP (HTTP Protocol Binding 1.0.2): binary, structured and batched content mode.
import { AuditError, UnreadableEvent } from '../event/errors.ts'
import { incomingOf, rawIncoming } from '../event/read-event.ts'
import { parseStrictJson } from '../event/strict-json.ts'
import type { Incoming, Json, JsonObject } from '../event/types.ts'
import { binaryAttributes, dataOfBody } from './cloudevents-binary.ts'
import { cloudEvent, notCloudEvent } from './cloudevents-event.ts'
import { elementsOf, isArrayAt, skipSpace } from './json-split.ts'
import { limitEvents } from './native.ts'
import { isObject } from './pick.ts'
import type { ParsedBody } from './types.ts'

export { abuseHandshake } from './cloudevents-handshake.ts'

const STRUCTURED = 'application/cloudevents+json'
const BATCHED = 'application/cloudevents-batch+json'

/** The content mode of a request (§3); undefined for formats other than JSON, and for what is no CloudEvent at all: 415. */
export function cloudEventsMode(
  mediaType: string,
  headers: Headers,
): 'binary' | 'structured' | 'batch' | undefined {
  const type = bare(mediaType)
  if (type === STRUCTURED) return 'structured'
  if (type === BATCHED) return 'batch'
  if (type.startsWith('application/cloudevents')) return undefined
  return headers.has('ce-specversion') || headers.has('ce-id') ? 'binary' : undefined
}

/**
 * Events of a request, mapped as {@link cloudEvent} says. Binary and structured mode hold one (`single`); in a batch, a bad one is
 * quarantined and the others are fine.
 * @param mediaType of the body; parameters are ignored
 * @param headers of the request, for binary mode
 * @throws AuditError `invalid_cloudevent`: another format than JSON, a batch that is no array, and in the modes that hold one event: no
 * JSON, a `specversion` other than 1.0, a required attribute missing; `too_many_events`
 */
export function parseCloudEvents(body: Uint8Array, mediaType: string, headers: Headers): ParsedBody {
  switch (cloudEventsMode(mediaType, headers)) {
    case 'binary':
      return { incoming: [readBinary(body, mediaType, headers)], single: true }
    case 'structured':
      return { incoming: [incomingOf(cloudEvent(parseStructured(body)), 'cloudevents', body)], single: true }
    case 'batch':
      return { incoming: parseBatch(body), single: false }
    case undefined:
      throw notCloudEvent(
        `send ${STRUCTURED}, ${BATCHED}, or the ce- headers of binary mode; no other format is understood`,
      )
  }
}

function readBinary(body: Uint8Array, mediaType: string, headers: Headers): Incoming {
  const contentType = headers.get('content-type') ?? mediaType
  const attributes = binaryAttributes(headers)
  const data = body.length === 0 ? {} : dataOfBody(body, contentType)
  const type = contentType === '' ? {} : { datacontenttype: contentType }
  return incomingOf(cloudEvent({ ...attributes, ...type, ...data }), 'cloudevents', body)
}

function parseStructured(body: Uint8Array): JsonObject {
  let value: Json
  try {
    value = parseStrictJson(body)
  } catch (error) {
    if (error instanceof UnreadableEvent) throw notCloudEvent(`the body cannot be read: ${error.message}`)
    throw error
  }
  if (!isObject(value)) throw notCloudEvent('the body is not a JSON object')
  return value
}

function parseBatch(body: Uint8Array): Incoming[] {
  const start = skipSpace(body, 0)
  const array = isArrayAt(body, start) ? elementsOf(body, start) : undefined
  if (!array || skipSpace(body, array.end) < body.length) throw notCloudEvent('a batch is a JSON array')
  limitEvents(array.elements.length)
  return array.elements.map((span) => {
    const sent = body.subarray(span.start, span.end)
    try {
      return incomingOf(cloudEvent(parseStructured(sent)), 'cloudevents', sent)
    } catch (error) {
      if (!(error instanceof AuditError)) throw error
      return rawIncoming(sent, 'cloudevents', new UnreadableEvent('invalid_event', error.message))
    }
  })
}

function bare(mediaType: string): string {
  return mediaType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
}
