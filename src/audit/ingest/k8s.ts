// What kube-apiserver posts to an audit webhook: an EventList of audit.k8s.io/v1. It drops a batch that is refused for good, so
// only what is no EventList at all is refused; an item that cannot be read is kept as it came.
import { AuditError, UnreadableEvent } from '../event/errors.ts'
import { incomingOf, rawIncoming } from '../event/read-event.ts'
import { parseStrictJson } from '../event/strict-json.ts'
import type { Incoming } from '../event/types.ts'
import { elementsOf, isArrayAt, isObjectAt, type Member, membersOf, skipSpace } from './json-split.ts'
import { k8sEvent } from './k8s-event.ts'
import { limitEvents } from './native.ts'
import { isObject } from './pick.ts'
import type { ParsedBody } from './types.ts'

const API_VERSION = 'audit.k8s.io/v1'
const OBJECTS = new Set(['requestObject', 'responseObject'])

/**
 * Events of an EventList, or of one Event, of audit.k8s.io/v1. Mapped as {@link k8sEvent} says; `auditID/stage` is the id, so that
 * a batch that is sent again gives the same leaves. Never `single`: a bad item is quarantined even when it is alone, and then
 * without its request and response objects, because those may be secrets.
 * @throws AuditError `invalid_event_list` for anything else; `too_many_events`
 */
export function parseEventList(body: Uint8Array): ParsedBody {
  const start = skipSpace(body, 0)
  const object = isObjectAt(body, start) ? membersOf(body, start) : undefined
  if (!object || skipSpace(body, object.end) < body.length) throw refused('the body is not one JSON object')
  const member = (name: string) => onlyMember(object.members, name)
  const kind = textOf(body, member('kind'))
  const version = textOf(body, member('apiVersion'))
  if (version !== API_VERSION || (kind !== 'EventList' && kind !== 'Event'))
    throw refused(`kind and apiVersion are not EventList and ${API_VERSION}`)
  if (kind === 'Event') return { incoming: [readItem(body.subarray(start, object.end))], single: false }
  const items = member('items')?.value
  if (items && textAt(body, items.start, items.end) === 'null') return { incoming: [], single: false }
  const list = items && isArrayAt(body, items.start) ? elementsOf(body, items.start) : undefined
  if (!list) throw refused('items is not an array')
  limitEvents(list.elements.length)
  return {
    incoming: list.elements.map(({ start, end }) => readItem(body.subarray(start, end))),
    single: false,
  }
}

function readItem(sent: Uint8Array): Incoming {
  try {
    const value = parseStrictJson(sent)
    if (!isObject(value)) throw new UnreadableEvent('invalid_event', 'an item of the list is not an object')
    const incoming = incomingOf(k8sEvent(value), 'k8s', sent)
    if (incoming.kind === 'event') return incoming
    throw new UnreadableEvent(incoming.reason.code, incoming.reason.message)
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error
    return rawIncoming(withoutObjects(sent), 'k8s', error)
  }
}

/** The item's text without the values of its request and response object, or nothing of it where they cannot be found. */
function withoutObjects(sent: Uint8Array): Uint8Array {
  const object = isObjectAt(sent, 0) ? membersOf(sent, 0) : undefined
  if (!object) return Buffer.from('"an item that may hold a secret: left out"')
  const kept: Uint8Array[] = []
  let from = 0
  for (const { name, value } of object.members) {
    if (!mayBeObject(name)) continue
    kept.push(sent.subarray(from, value.start), Buffer.from('"left out"'))
    from = value.end
  }
  return from === 0 ? sent : Buffer.concat([...kept, sent.subarray(from)])
}

/** A name that is spelled with escapes could be any. */
function mayBeObject(name: string): boolean {
  return OBJECTS.has(name) || name.includes('\\')
}

function onlyMember(members: readonly Member[], name: string): Member | undefined {
  const [member, ...others] = members.filter((one) => one.name === name)
  if (others.length > 0) throw refused(`${name} is there twice`)
  return member
}

function textOf(body: Uint8Array, member: Member | undefined): string | undefined {
  return member && textAt(body, member.value.start + 1, member.value.end - 1)
}

function textAt(body: Uint8Array, start: number, end: number): string {
  return Buffer.from(body.subarray(start, Math.max(start, end))).toString('latin1')
}

function refused(what: string): AuditError {
  return new AuditError(
    'invalid_event_list',
    `${what}: send {"kind":"EventList","apiVersion":"${API_VERSION}","items":[…]}, as kube-apiserver's audit webhook does`,
  )
}
