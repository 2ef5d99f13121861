// Splits an event by policy: each of its leaves becomes clear or personal, none both and none neither.
import { setMember } from '../../core/disclose.ts'
import { EVENT_FIELDS, type Field, type Fields } from './fields.ts'
import type { PrivacyPolicy } from './privacy.ts'
import type { AuditEvent } from './schema.ts'
import type { Json, JsonObject, Subject } from './types.ts'

export interface OwnedField {
  readonly owner: Subject
  readonly path: string
  readonly value: Json
}

export interface SplitEvent {
  readonly clear: Record<string, Json>
  /** Bytes of `clear` as canonical JSON, at most: counted on the way, for writing it out only to count is dear. */
  readonly bound: number
  readonly personal: OwnedField[]
  /** Who the parties are, where they are persons. */
  readonly actor: Subject | undefined
  readonly onBehalfOf: Subject | undefined
  readonly targets: readonly (Subject | undefined)[]
  /** Whom fields without a person of their own belong to. */
  readonly rest: Subject
}

export interface SplitOptions {
  /** Paths that are personal whatever the policy says. */
  readonly forced?: ReadonlySet<string> | undefined
  /** Of members of `params` and `extra`, by path, where it is not whom the other fields belong to. */
  readonly owners?: ReadonlyMap<string, Subject> | undefined
  /** Told of each clear leaf. */
  readonly onClear?: (field: OwnedField) => void
}

/** Where the walk is: whose fields these are, and whether that party is a person. */
type Place = { readonly prefix: string; readonly owner: Subject; readonly person: boolean }
type Walk = Pick<SplitEvent, 'personal' | 'onBehalfOf' | 'targets' | 'rest'> & {
  readonly rules: PrivacyPolicy['rules']
  readonly options: SplitOptions
  bound: number
}

/** Bytes of brackets, quotes, colon and comma around a group. */
const GROUP_SIZE = 6
/** Most bytes of a number, and of `true`, `false` and `null`. */
const SCALAR_SIZE = 25
/** Actors of these types are no persons; whatever else the type says, an actor counts as one. */
const IMPERSONAL: ReadonlySet<string> = new Set(['service', 'system'])

/**
 * Walks in the order of the schema, never in that of the sender, so that the same event is split the same way each time.
 * @param source whom fields belong to when the event names neither a person nor an address
 */
export function splitEvent(
  event: AuditEvent,
  source: string,
  { rules }: PrivacyPolicy,
  options: SplitOptions = {},
): SplitEvent {
  const { actor: party, targets = [], src } = event
  const actor = isPerson(party) ? subjectOf(party) : undefined
  const onBehalfOf = isPerson(party?.on_behalf_of) ? subjectOf(party?.on_behalf_of) : undefined
  const rest: Subject =
    actor ?? (src?.ip === undefined ? { kind: 'source', id: source } : { kind: 'ip', id: src.ip })
  const owners = targets.map((target) => (isUser(target) ? subjectOf(target) : undefined))
  const walk: Walk = { personal: [], onBehalfOf, targets: owners, rest, rules, options, bound: 2 }
  const place: Place = { prefix: '', owner: rest, person: isPerson(party) }
  const split = splitGroup(EVENT_FIELDS, event as JsonObject, place, walk)
  const clear =
    split === event
      ? copyBefore(EVENT_FIELDS.list.length, EVENT_FIELDS, split)
      : (split as Record<string, Json>)
  return { clear, bound: walk.bound, personal: walk.personal, actor, onBehalfOf, targets: owners, rest }
}

/** The group itself when all of it is clear: most groups are, and need no copy. */
function splitGroup(fields: Fields, group: JsonObject, place: Place, walk: Walk): JsonObject {
  let same = 0
  let clear: Record<string, Json> | undefined
  for (let i = 0; i < fields.list.length; i++) {
    const field = fields.list[i] as Field
    const { name } = field
    const value = group[name]
    if (value === undefined) continue
    const kept = splitField(field, value, place, walk)
    if (clear === undefined) {
      if (kept === value) {
        same += 1
        continue
      }
      clear = copyBefore(i, fields, group)
    }
    if (kept !== undefined) clear[name] = kept
  }
  if (clear !== undefined) return clear
  // What is no field has no rule, and does not get in.
  return same === countOf(group) ? group : copyBefore(fields.list.length, fields, group)
}

/** The first `count` fields. */
function copyBefore(count: number, fields: Fields, group: JsonObject): Record<string, Json> {
  const copy: Record<string, Json> = {}
  for (let i = 0; i < count; i++) {
    const { name } = fields.list[i] as Field
    const value = group[name]
    if (value !== undefined) copy[name] = value
  }
  return copy
}

function countOf(group: JsonObject): number {
  let count = 0
  for (const name in group) if (Object.hasOwn(group, name)) count += 1
  return count
}

function splitField(field: Field, value: Json, place: Place, walk: Walk): Json | undefined {
  const { name, path } = field
  if (field.kind === 'group') {
    walk.bound += name.length + GROUP_SIZE
    const group = value as JsonObject
    const kept = splitGroup(field.members, group, placeOf(path, group, place, walk), walk)
    // A group of nothing but personal fields leaves no trace; one that was empty stays.
    return hasMembers(kept) || !hasMembers(group) ? kept : undefined
  }
  // All elements stay, if only as {}: their positions are in the paths of their fields.
  if (field.kind === 'list') {
    const elements = value as readonly JsonObject[]
    walk.bound += name.length + GROUP_SIZE * (elements.length + 1)
    const split = elements.map((element, at) =>
      splitGroup(field.members, element, placeOfTarget(name, at, element, walk), walk),
    )
    return split.every((element, at) => element === elements[at]) ? value : split
  }
  if (field.kind === 'open' || path === 'params') return splitMembers(path, value, place, walk)
  return splitLeaf(name, path, value, place, walk)
}

/** `params` and `extra`: one disclosure for each member, or one for all of it when it has none. */
function splitMembers(path: string, value: Json, place: Place, walk: Walk): Json | undefined {
  const inner = within(place, `${path}.`)
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !hasMembers(value as JsonObject))
    return splitLeaf(path, path, value, place, walk)
  walk.bound += path.length + GROUP_SIZE
  const clear: Record<string, Json> = {}
  const members = value as JsonObject
  for (const name of Object.keys(members).sort()) {
    const own = `${path}.${name}`
    const owner = walk.options.owners?.get(own) ?? (path === 'extra' ? partyOf(name, walk) : undefined)
    const at = owner === undefined ? inner : { ...inner, owner }
    const kept = splitLeaf(name, walk.rules.has(own) ? own : path, members[name] as Json, at, walk)
    if (kept !== undefined) setMember(clear, name, kept)
  }
  return hasMembers(clear) ? clear : undefined
}

/** What the schema does not know of a party came into `extra` with its path, and is about that party all the same. */
function partyOf(name: string, { targets, onBehalfOf }: Walk): Subject | undefined {
  if (name.startsWith('actor.on_behalf_of.')) return onBehalfOf
  if (!name.startsWith('targets.')) return undefined
  const [, at = ''] = name.split('.', 2)
  return /^\d+$/.test(at) ? targets[Number(at)] : undefined
}

function splitLeaf(name: string, ruled: string, value: Json, place: Place, walk: Walk): Json | undefined {
  const { forced, onClear } = walk.options
  const rule = walk.rules.get(ruled) ?? 'personal' // what no rule names is not known to be harmless
  const path = place.prefix + name
  if (rule === 'personal' || (rule === 'person' && place.person) || forced?.has(path) === true) {
    walk.personal.push({ owner: place.owner, path, value })
    return undefined
  }
  onClear?.({ owner: place.owner, path, value })
  walk.bound += boundOf(name) + 2 + boundOf(value)
  return value
}

/** Bytes at most: a UTF-16 unit takes six, as the escape of a control character. */
function boundOf(value: Json): number {
  if (typeof value === 'string') return value.length * 6 + 2
  if (typeof value !== 'object' || value === null) return SCALAR_SIZE
  let bound = 2
  for (const [name, member] of Object.entries(value)) bound += name.length * 6 + 4 + boundOf(member as Json)
  return bound
}

function placeOf(path: string, value: JsonObject, place: Place, walk: Walk): Place {
  const prefix = `${path}.`
  if (path !== 'actor.on_behalf_of') return within(place, prefix)
  return { prefix, owner: walk.onBehalfOf ?? walk.rest, person: isPerson(value) }
}

/** Written out: a spread takes longer. */
function within({ owner, person }: Place, prefix: string): Place {
  return { prefix, owner, person }
}

function placeOfTarget(name: string, at: number, target: JsonObject, walk: Walk): Place {
  return { prefix: `${name}.${at}.`, owner: walk.targets[at] ?? walk.rest, person: isUser(target) }
}

type Party = { readonly type?: Json | undefined; readonly id?: Json | undefined }

function isPerson(party: Party | undefined): boolean {
  return party !== undefined && !(typeof party.type === 'string' && IMPERSONAL.has(party.type.toLowerCase()))
}

function isUser({ type }: Party): boolean {
  return typeof type === 'string' && type.toLowerCase() === 'user'
}

/** A person by the identifier the sender uses. */
function subjectOf(
  party: { id?: string | undefined; email?: string | undefined; name?: string | undefined } | undefined,
): Subject | undefined {
  const id = party?.id ?? party?.email ?? party?.name
  return id === undefined ? undefined : { kind: 'actor', id }
}

function hasMembers(object: JsonObject): boolean {
  for (const name in object) if (Object.hasOwn(object, name)) return true
  return false
}
