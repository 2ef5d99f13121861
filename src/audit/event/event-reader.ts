// Reads natively sent JSON as an event. Written by hand, because zod takes several times as long; a property test holds it
// against the schema.
import { setMember } from '../../core/disclose.ts'
import { checkBounds } from './bounds.ts'
import { UnreadableEvent } from './errors.ts'
import { EVENT_FIELDS, type Field, type Fields } from './fields.ts'
import type { AuditEvent } from './schema.ts'
import { OUTCOMES } from './schema.ts'
import { canonicalTime } from './time.ts'
import type { Json, JsonObject } from './types.ts'

type Group = Readonly<Record<string, unknown>>
/** Members that the vocabulary has no name for, by dotted path. */
type Unknown = { readonly path: string; readonly value: Json }[]

/**
 * The event that a JSON object is. Members without a place in the vocabulary go to `extra`, under their dotted path; null, and
 * the empty text of a field that cannot be empty, mean that a field was not sent. Without `time`, `date` is the time.
 * @throws UnreadableEvent `invalid_event` naming the field; `too_deep`, `too_large`, `lone_surrogate`, `unsafe_number`
 */
export function readEvent(value: Json): AuditEvent {
  if (!isObject(value)) throw invalid('An event is a JSON object.')
  checkBounds(value)
  const unknown: Unknown = []
  const read = readGroup(EVENT_FIELDS, value, '', unknown)
  if (isWhole(read) && unknown.length === 0) return read as AuditEvent
  const event = { ...read }
  if (event['time'] === undefined) event['time'] = takeDate(unknown)
  if (event['action'] === undefined)
    throw invalid('action: is missing; send what was done, such as "user.login".')
  event['outcome'] ??= 'unknown'
  if (unknown.length > 0) event['extra'] = withUnknown(event['extra'] as JsonObject | undefined, unknown)
  return event as AuditEvent
}

function isWhole({ time, action, outcome }: Group): boolean {
  return time !== undefined && action !== undefined && outcome !== undefined
}

/** What was sent is itself the result when nothing in it has to change: copies were a tenth of what an event costs. */
function readGroup(fields: Fields, value: JsonObject, prefix: string, unknown: Unknown): Group {
  const names = Object.keys(value)
  let copy: Record<string, unknown> | undefined
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    const sent = value[name] as Json
    const read = readMember(fields.named.get(name), name, sent, prefix, unknown)
    if (copy === undefined) {
      if (read === sent) continue
      copy = {}
      for (const before of names.slice(0, i)) copy[before] = value[before]
    }
    if (read !== undefined) copy[name] = read
  }
  return copy ?? value
}

function readMember(
  field: Field | undefined,
  name: string,
  sent: Json,
  prefix: string,
  unknown: Unknown,
): unknown {
  if (field === undefined) unknown.push({ path: prefix + name, value: sent })
  else if (sent !== null) return readField(field, sent, prefix, unknown)
  return undefined
}

function readField(field: Field, sent: Json, prefix: string, unknown: Unknown): unknown {
  switch (field.kind) {
    case 'text':
      if (typeof sent === 'string' && fits(sent, field.max))
        return sent === '' && field.min > 0 ? undefined : sent
      throw wrong(field, prefix, sent, `text of ${field.min} to ${field.max} characters`)
    case 'whole':
      if (Number.isInteger(sent) && Number(sent) >= field.min && Number(sent) <= field.max) return sent
      throw wrong(field, prefix, sent, `a whole number from ${field.min} to ${field.max}`)
    case 'flag':
      if (typeof sent === 'boolean') return sent
      throw wrong(field, prefix, sent, 'true or false')
    case 'time':
      return readTime(field.path, sent)
    case 'outcome':
      if ((OUTCOMES as readonly Json[]).includes(sent)) return sent
      unknown.push({ path: field.path, value: sent })
      return 'unknown'
    case 'json':
      return sent
    case 'open':
      if (isObject(sent)) return sent
      throw wrong(field, prefix, sent, 'an object')
    case 'ours':
      unknown.push({ path: field.path, value: sent })
      return undefined
    case 'group':
      if (isObject(sent)) return readGroup(field.members, sent, `${field.path}.`, unknown)
      throw wrong(field, prefix, sent, 'an object')
    case 'list':
      return readList(field, sent, unknown)
  }
}

function readList(field: Field & { kind: 'list' }, sent: Json, unknown: Unknown): unknown {
  if (!Array.isArray(sent) || sent.length > field.max)
    throw wrong(field, '', sent, `a list of at most ${field.max}`)
  const read = (sent as readonly Json[]).map((element, at) => {
    const path = `${field.path}.${at}`
    if (isObject(element)) return readGroup(field.members, element, `${path}.`, unknown)
    throw invalid(`${path}: expected an object, not ${kindOf(element)}.`)
  })
  return read.every((element, at) => element === sent[at]) ? sent : read
}

function readTime(path: string, sent: Json): string {
  if (typeof sent !== 'string' && typeof sent !== 'number')
    throw invalid(`${path}: expected RFC 3339 text or a number since 1970, not ${kindOf(sent)}.`)
  try {
    return canonicalTime(sent)
  } catch (error) {
    if (error instanceof UnreadableEvent) throw invalid(`${path}: ${error.message}`)
    throw error
  }
}

/** Fluent Bit's own key for the time of a record. */
function takeDate(unknown: Unknown): string {
  const at = unknown.findIndex(({ path }) => path === 'date')
  const [date] = at < 0 ? [] : unknown.splice(at, 1)
  if (date === undefined || date.value === null)
    throw invalid('time: is missing; send RFC 3339, such as "2026-01-31T12:00:00Z", or a number since 1970.')
  return readTime('date', date.value)
}

function withUnknown(sent: JsonObject | undefined, unknown: Unknown): JsonObject {
  const extra: JsonObject = { ...sent }
  for (const { path, value } of unknown) {
    let name = path
    // What the sender put there himself keeps its name.
    while (Object.hasOwn(extra, name)) name += '_'
    setMember(extra, name, value)
  }
  return extra
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** In characters, as JSON Schema and zod count: one of two UTF-16 units is one. */
function fits(text: string, max: number): boolean {
  return text.length <= max || (text.length <= 2 * max && lengthOf(text) <= max)
}

function lengthOf(text: string): number {
  let length = 0
  for (let at = 0; at < text.length; at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) length += 1
  return length
}

function wrong({ path }: Field, prefix: string, sent: Json, expected: string): UnreadableEvent {
  const name = prefix + path.slice(path.lastIndexOf('.') + 1)
  const found = typeof sent === 'string' ? `text of ${lengthOf(sent)} characters` : kindOf(sent)
  return invalid(`${name}: expected ${expected}, not ${found}.`)
}

function kindOf(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  return typeof value === 'object' ? 'an object' : typeof value === 'string' ? 'text' : `a ${typeof value}`
}

function invalid(message: string): UnreadableEvent {
  return new UnreadableEvent('invalid_event', message)
}
