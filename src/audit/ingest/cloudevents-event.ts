// A CloudEvent as one of ours.
import { createHash } from 'node:crypto'
import { AuditError } from '../event/errors.ts'
import type { Json, JsonObject } from '../event/types.ts'
import { withFrame } from './native-text.ts'
import { isObject, objectOf, Picker } from './pick.ts'
import { timeLike } from './time-like.ts'

const MAX_ID = 256
/** Values of the extension `authtype` that are no persons. */
const AUTH_TYPES = new Map([
  ['app_user', 'user'],
  ['user', 'user'],
  ['service_account', 'service'],
  ['api_key', 'service'],
  ['system', 'system'],
])
/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACE_PARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/
const OUR_SCHEMA = /\/schemas\/event\.json$/

/**
 * - `source` and `id` are unique together, so both are the id, with a space between; SHA-256 of that in hex, after `cloudevent:`, if it
 *   is longer than 256. `source` is the service's name too
 * - `type` is the action, `subject` the target, `time` the time, or else `recordedtime`
 * - extensions: `correlationid`, `causationid`, `authtype` and `authid` (the actor), `severitynumber`, `recordedtime` (observed_time),
 *   `traceparent` (trace_id, span_id); the others, such as `sequence`, under `extra` with `datacontenttype` and `dataschema`
 * - `data` is params, `data_base64` is params too, under that name. If `dataschema` is our own (…/schemas/event.json), `data` is a native
 *   event, and the attributes are its id and its defaults
 * @throws AuditError `invalid_cloudevent`: a required attribute is missing or empty, or `specversion` is not 1.0
 */
export function cloudEvent(value: JsonObject): JsonObject {
  const from = new Picker(value)
  if (from.take('specversion') !== '1.0') throw notCloudEvent('specversion is not 1.0')
  const source = required(from, 'source')
  const id = idOf(source, required(from, 'id'))
  const action = required(from, 'type')
  const data = from.take('data')
  const native = isObject(data) && OUR_SCHEMA.test(from.peek('dataschema'))
  const base64 = from.take('data_base64')
  const event: JsonObject = {
    ...attributes(from, source),
    id,
    action,
    outcome: 'unknown',
    ...objectOf({
      params: native ? undefined : (data ?? objectOf({ data_base64: base64 })),
      extra: from.rest(),
    }),
  }
  return native ? { ...withFrame(data, event), id } : event
}

function attributes(from: Picker, source: string): JsonObject | undefined {
  const subject = from.text('subject', 512)
  const recorded = timeLike(from.take('recordedtime'))
  const trace = TRACE_PARENT.exec(from.peek('traceparent'))
  if (trace) from.take('traceparent')
  return objectOf({
    time: timeLike(from.take('time')) ?? recorded,
    observed_time: recorded,
    actor: actorOf(from),
    targets: subject === undefined ? undefined : [{ id: subject }],
    correlation_id: from.text('correlationid', 256),
    causation_id: from.text('causationid', 256),
    severity: from.integer('severitynumber', 1, 24),
    trace_id: trace?.[1],
    span_id: trace?.[2],
    service: source.length <= 256 ? { name: source } : undefined,
  })
}

function actorOf(from: Picker): JsonObject | undefined {
  const id = from.text('authid', 512)
  if (id === undefined) return undefined
  const kind = from.look('authtype')
  const type = typeof kind === 'string' ? AUTH_TYPES.get(kind) : undefined
  return type === undefined ? { id } : { id, type }
}

function idOf(source: string, id: string): string {
  const both = `${source} ${id}`
  return both.length <= MAX_ID ? both : `cloudevent:${createHash('sha256').update(both).digest('hex')}`
}

function required(from: Picker, name: string): string {
  const value: Json | undefined = from.take(name)
  if (typeof value === 'string' && value.length > 0) return value
  throw notCloudEvent(`${name} is missing or is not a text`)
}

/** @param why what is wrong, never the value itself */
export function notCloudEvent(why: string): AuditError {
  return new AuditError('invalid_cloudevent', why)
}
