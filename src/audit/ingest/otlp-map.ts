// A log record, with its resource and its scope, as an event. Nothing that was sent is lost: what has no field of its own, or does
// not fit into it, is kept in `extra` under the name it came with.
import { isIP } from 'node:net'
import { UnreadableEvent } from '../event/errors.ts'
import { readEvent } from '../event/read-event.ts'
import { timeOfNanos } from '../event/time.ts'
import type { AuditEvent, Json } from '../event/types.ts'
import { jsonOf, type Members, put } from './otlp-json-of.ts'
import { INTEGRITY, PLACE, PLACES, RECORD_RULES, RESOURCE_RULES, type Rule } from './otlp-rules.ts'
import type { OtlpAttribute, OtlpBatch, OtlpRecord } from './otlp-types.ts'

type Value = string | number | undefined
/** By PLACE. */
type Fields = Value[]
/** Names of ours in `extra`: an attribute of such a name is kept with a prefix. */
const OURS = new Set([
  'resource',
  'scope',
  'body',
  'event_name',
  'severity_number',
  'severity_text',
  'flags',
  'dropped',
])
const NO_FIELDS: Fields = Array.from({ length: PLACES }, () => undefined)
const MESSAGE_MAX = 65_536

interface Sorted {
  readonly fields: Fields
  /** What is no field. */
  readonly rest: Members
  /** The `audit.integrity.*` attributes, without the prefix; undefined when there are none. */
  readonly integrity: Members | undefined
}

/** What the records of one batch share. */
export interface BatchContext {
  readonly fields: Fields
  readonly extra: Members
  readonly integrity: Members | undefined
}

export interface Mapped {
  readonly event: AuditEvent
  /** The `audit.integrity.*` attributes of the record and its resource, without the prefix. */
  readonly integrity: Members | undefined
}

/** @throws UnreadableEvent `duplicate_name`: then none of its records is an event */
export function contextOf({ resource, scope, schemaUrl }: OtlpBatch): BatchContext {
  const { fields, rest, integrity } = sort(resource, RESOURCE_RULES, undefined)
  const about: Members = {}
  if (scope.name !== '') put(about, 'name', scope.name)
  if (scope.version !== '') put(about, 'version', scope.version)
  if (schemaUrl !== '') put(about, 'schema_url', schemaUrl)
  if (scope.attributes.length > 0) put(about, 'attributes', jsonOf({ kvlist: scope.attributes }))
  const extra: Members = {}
  set(extra, 'resource', orNothing(rest))
  set(extra, 'scope', orNothing(about))
  return { fields, extra, integrity }
}

/**
 * The event, with the time of the record or else that of its observation: never that of receipt, so that a retry is the same.
 * @throws UnreadableEvent
 */
export function mapRecord(record: OtlpRecord, context: BatchContext): Mapped {
  const { fields, rest, integrity } = sort(record.attributes, RECORD_RULES, context.fields)
  const time = record.time === 0n ? record.observedTime : record.time
  if (time === 0n) {
    throw new UnreadableEvent('invalid_event', 'The log record has neither a time nor an observed time.')
  }
  const extra: Members = { ...context.extra, ...rest }
  const event: Members = {}
  set(event, 'id', fields[PLACE.id])
  const timeText = timeOfNanos(time)
  event['time'] = timeText
  if (record.observedTime === time) event['observed_time'] = timeText
  else if (record.observedTime !== 0n) event['observed_time'] = timeOfNanos(record.observedTime)
  event['action'] = actionOf(fields, record, extra)
  event['outcome'] = fields[PLACE.outcome] ?? 'unknown'
  set(event, 'actor', actorOf(fields))
  const target = targetOf(fields)
  if (target !== undefined) event['targets'] = [target]
  set(event, 'src', sourceOf(fields))
  set(event, 'http', httpOf(fields))
  set(event, 'device', only('id', fields[PLACE.device]))
  set(event, 'auth', only('session_id', fields[PLACE.session]))
  if (record.traceId !== '') event['trace_id'] = record.traceId
  if (record.spanId !== '') event['span_id'] = record.spanId
  set(event, 'service', serviceOf(fields))
  addBody(record, event, extra)
  addRest(record, event, extra)
  set(event, 'extra', orNothing(extra))
  const both = integrity === undefined ? context.integrity : { ...context.integrity, ...integrity }
  return { event: readEvent(event), integrity: both }
}

/** @param given fields that are taken already and stay */
function sort(
  attributes: readonly OtlpAttribute[],
  rules: ReadonlyMap<string, Rule>,
  given: Fields | undefined,
): Sorted {
  const fields: Fields = (given ?? NO_FIELDS).slice()
  /** Who holds a place, and with which rank. */
  const holders: (OtlpAttribute | undefined)[] = []
  const ranks: number[] = []
  const rest: Members = {}
  let integrity: Members | undefined
  for (const attribute of attributes) {
    const { key, value } = attribute
    const rule = rules.get(key)
    const taken = rule?.take(value)
    if (rule === undefined || taken === undefined) {
      if (key.startsWith(INTEGRITY)) put((integrity ??= {}), key.slice(INTEGRITY.length), jsonOf(value))
      else keep(rest, attribute)
      continue
    }
    const { place, rank } = rule
    const holder = holders[place]
    if (holder === undefined ? fields[place] !== undefined : (ranks[place] ?? 0) < rank) {
      keep(rest, attribute)
      continue
    }
    if (holder !== undefined) {
      if (holder.key === key) throw new UnreadableEvent('duplicate_name', 'Two attributes have the same key.')
      keep(rest, holder)
    }
    holders[place] = attribute
    ranks[place] = rank
    fields[place] = taken
  }
  return { fields, rest, integrity }
}

function keep(rest: Members, { key, value }: OtlpAttribute): void {
  put(rest, OURS.has(key) ? `attributes.${key}` : key, jsonOf(value))
}

/** The name of the event stands for the action where no attribute does, and is kept where they differ. */
function actionOf(fields: Fields, { eventName }: OtlpRecord, extra: Members): string | number {
  const action = fields[PLACE.action]
  if (action === undefined && eventName.length > 0 && eventName.length <= 256) return eventName
  if (eventName !== '' && eventName !== action) put(extra, 'event_name', eventName)
  return action ?? 'log.record'
}

function actorOf(fields: Fields): Members | undefined {
  const actor: Members = {}
  set(actor, 'id', fields[PLACE.actorId])
  set(actor, 'type', fields[PLACE.actorType])
  set(actor, 'name', fields[PLACE.actorName])
  set(actor, 'email', fields[PLACE.actorEmail])
  return orNothing(actor)
}

function targetOf(fields: Fields): Members | undefined {
  const target: Members = {}
  set(target, 'id', fields[PLACE.targetId])
  set(target, 'type', fields[PLACE.targetType])
  set(target, 'name', fields[PLACE.targetName])
  return orNothing(target)
}

/** An address is an IP address, or a name where only that is known (semantic conventions, and audit.source.id of the draft). */
function sourceOf(fields: Fields): Members | undefined {
  const src: Members = {}
  const address = fields[PLACE.address]
  if (address !== undefined) {
    const text = String(address)
    src[text.length <= 64 && isIP(text) !== 0 ? 'ip' : 'host'] = text
  }
  set(src, 'port', fields[PLACE.port])
  return orNothing(src)
}

function httpOf(fields: Fields): Members | undefined {
  const http: Members = {}
  set(http, 'method', fields[PLACE.method])
  set(http, 'path', fields[PLACE.path])
  set(http, 'query', fields[PLACE.query])
  set(http, 'status', fields[PLACE.status])
  set(http, 'user_agent', fields[PLACE.userAgent])
  return orNothing(http)
}

function serviceOf(fields: Fields): Members | undefined {
  const service: Members = {}
  set(service, 'name', fields[PLACE.serviceName])
  set(service, 'version', fields[PLACE.serviceVersion])
  return orNothing(service)
}

/** Text is the message, anything structured the parameters. */
function addBody({ body }: OtlpRecord, event: Members, extra: Members): void {
  if (body === null || body === '') return
  if (typeof body !== 'string') event['params'] = jsonOf(body)
  else if (body.length <= MESSAGE_MAX) event['message'] = body
  else put(extra, 'body', body)
}

function addRest(record: OtlpRecord, event: Members, extra: Members): void {
  const { severityNumber, severityText, flags, droppedAttributes } = record
  if (severityNumber >= 1 && severityNumber <= 24) event['severity'] = severityNumber
  else if (severityNumber !== 0) put(extra, 'severity_number', severityNumber)
  if (severityText !== '') put(extra, 'severity_text', severityText)
  if (flags !== 0) put(extra, 'flags', flags)
  if (droppedAttributes !== 0) put(extra, 'dropped', droppedAttributes)
}

function only(name: string, value: Value): Members | undefined {
  return value === undefined ? undefined : { [name]: value }
}

function set(members: Members, name: string, value: Json | undefined): void {
  if (value !== undefined) members[name] = value
}

function orNothing(members: Members): Members | undefined {
  for (const _ in members) return members
  return undefined
}
