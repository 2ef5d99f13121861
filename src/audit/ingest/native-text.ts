// A text with a frame around it (syslog, HEC, a log shipper's record): the frame says when and where, the text what. Often the
// text is a JSON event of its own.
import { UnreadableEvent } from '../event/errors.ts'
import { readEvent } from '../event/read-event.ts'
import { parseStrictText } from '../event/strict-json.ts'
import type { Json, JsonObject } from '../event/types.ts'
import { LOG_RECORD, shapeOf } from './native-shapes.ts'
import { isObject } from './pick.ts'

const COOKIE = '@cee:'

/** A parsed record as a native event, by its shape (`shapeOf`); any other as it is, for the reader of events to judge. */
export function nativeOf(value: Json): Json {
  if (!isObject(value)) return value
  const shape = shapeOf(value)
  if (!shape || shape['action'] !== LOG_RECORD || shape === value) return shape ?? value
  const { message, ...frame } = shape
  return typeof message === 'string' ? eventOfText(message, frame) : shape
}

/**
 * The event of `text` with `frame` (a native event without `message`) around it. If the text is a JSON object, on its own or after
 * `@cee:`, and reads as an event with the members of the frame as defaults, it is that event; otherwise it is the `message`.
 */
export function eventOfText(text: string, frame: JsonObject): JsonObject {
  const trimmed = text.trim()
  const json = trimmed.startsWith(COOKIE) ? trimmed.slice(COOKIE.length).trimStart() : trimmed
  if (json.startsWith('{')) {
    const event = eventOfJson(json, frame)
    if (event) return event
  }
  return text.length > 0 ? { ...frame, message: text } : frame
}

/**
 * A record of its own with the frame's members where it has none; `src`, `service` and `extra` are joined member by member. A
 * mere log record has no action of its own, so it takes the frame's.
 */
export function withFrame(record: JsonObject, frame: JsonObject): JsonObject {
  const joined: Record<string, Json> = { ...frame, ...record }
  for (const name of ['src', 'service', 'extra']) {
    const [inner, outer] = [record[name], frame[name]]
    if (isObject(inner) && isObject(outer)) joined[name] = { ...outer, ...inner }
  }
  if (record['action'] === LOG_RECORD && frame['action'] !== undefined) joined['action'] = frame['action']
  return joined
}

function eventOfJson(json: string, frame: JsonObject): JsonObject | undefined {
  try {
    const value = parseStrictText(json)
    if (!isObject(value)) return undefined
    const event = withFrame(shapeOf(value) ?? value, frame)
    readEvent(event)
    return event
  } catch (error) {
    if (error instanceof UnreadableEvent) return undefined
    throw error
  }
}
