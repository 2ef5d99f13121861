// Records that are no native events, but whose shape says what they are.
import type { JsonObject } from '../event/types.ts'
import { githubEvent } from './native-github.ts'
import { ocsfEvent } from './native-ocsf.ts'
import { objectOf, Picker } from './pick.ts'
import { timeLike } from './time-like.ts'

/** What a record without an action of its own has happened to do: be written. */
export const LOG_RECORD = 'log.record'

const TIMES = ['timestamp', '@timestamp', 'date', 'time', 'ts']
const TEXTS = ['message', 'log', 'msg']

/**
 * A record as a native event, by its shape; undefined when its shape says nothing:
 * - `action` as text: native, as it is;
 * - `action` with `@timestamp` or with a plain text as `actor`: GitHub's audit log ({@link githubEvent});
 * - `class_uid` as a number: OCSF ({@link ocsfEvent});
 * - no `action`, but a text in `message`, `log` or `msg` (Vector, Fluent Bit, most loggers): action `log.record`, outcome unknown,
 *   that text as `message`, `host` as `src.host`, the time from `timestamp`, `@timestamp`, `date`, `time` or `ts` (text, or a
 *   count as at `canonicalTime`), and every other member under `extra`.
 */
export function shapeOf(value: JsonObject): JsonObject | undefined {
  if (typeof value['action'] === 'string') {
    const foreign = value['@timestamp'] !== undefined || typeof value['actor'] === 'string'
    return foreign ? githubEvent(value) : value
  }
  if (typeof value['class_uid'] === 'number') return ocsfEvent(value)
  return value['action'] === undefined ? logRecord(value) : undefined
}

function logRecord(value: JsonObject): JsonObject | undefined {
  const text = TEXTS.find((name) => typeof value[name] === 'string')
  if (text === undefined) return undefined
  const from = new Picker(value)
  const time = TIMES.find((name) => value[name] !== undefined)
  return objectOf({
    action: LOG_RECORD,
    outcome: 'unknown',
    time: time === undefined ? undefined : timeLike(from.take(time)),
    message: from.take(text),
    src: objectOf({ host: from.text('host', 256) }),
    extra: from.rest(),
  })
}
