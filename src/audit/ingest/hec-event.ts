// A record of HEC as an event.
import type { JsonObject } from '../event/types.ts'
import { LOG_RECORD, shapeOf } from './native-shapes.ts'
import { eventOfText, withFrame } from './native-text.ts'
import { isObject, objectOf, Picker } from './pick.ts'
import { timeLike } from './time-like.ts'

/**
 * - `event` as text: the `message` of an event with action `log.record`, unless it is itself a JSON event
 * - `event` as an object of a known shape (native, GitHub, OCSF, a logger's record): that event, with what stands around it as defaults
 * - `event` as any other object: action `log.record`, its members under `extra`; any other value under `extra.event`
 * - `time`: seconds since 1970, as a number or text, down to the microsecond and further exactly (`canonicalTime`)
 * - `host`: `src.host`; `source`, `sourcetype`, `index` and `fields`: `extra.hec`
 *
 * An event without a time, by `time` or of its own, gets `received`. As it has no id either, `number` goes under `extra.hec`, so
 * that equal records of one request stay apart.
 */
export function hecEvent(record: JsonObject, received: string, number: number): JsonObject {
  const event = eventOf(record, received)
  return event['time'] === received && event['id'] === undefined ? numbered(event, number) : event
}

/** The event with the number of its record in the request under `extra.hec`. */
export function numbered(event: JsonObject, number: number): JsonObject {
  const extra = isObject(event['extra']) ? event['extra'] : {}
  const hec = isObject(extra['hec']) ? extra['hec'] : {}
  return { ...event, extra: { ...extra, hec: { ...hec, number } } }
}

function eventOf(record: JsonObject, received: string): JsonObject {
  const from = new Picker(record)
  const event = from.take('event')
  const time = from.take('time')
  const frame: JsonObject = {
    ...objectOf({
      time: time === undefined || time === null || time === '' ? received : timeLike(time),
      src: objectOf({ host: from.text('host', 256) }),
      extra: objectOf({ hec: from.rest() }),
    }),
    action: LOG_RECORD,
    outcome: 'unknown',
  }
  if (typeof event === 'string') return eventOfText(event, frame)
  if (!isObject(event)) return withFrame(objectOf({ extra: objectOf({ event }) }) ?? {}, frame)
  return withFrame(shapeOf(event) ?? { extra: event }, frame)
}
