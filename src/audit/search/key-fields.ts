// The fields that are searched by their whole value, and where they stand in an event.

/** In the order of their numbers in what is hashed (terms.ts): new ones come last. */
export const KEY_FIELDS = [
  'w',
  'action',
  'actor',
  'target',
  'outcome',
  'ip',
  'session',
  'trace',
  'correlation',
  'severity',
  'severity_from',
  'source',
  'service',
  'id',
  'type',
  'format',
  'reason',
  'far',
] as const
export type KeyField = (typeof KEY_FIELDS)[number]

/** Names that machines give. They are one word and not several, and are found in the index as that word. */
export const NAMES: ReadonlySet<KeyField> = new Set(['id', 'session', 'trace'])

/** Lowest severities of the ranges of OpenTelemetry: trace, debug, info, warn, error, fatal. */
export const SEVERITY_RANGES = [1, 5, 9, 13, 17, 21] as const

/** A place in an event. */
export interface Place {
  /** What its value is searched by. */
  field?: KeyField
  /** Nobody looks for words in it. */
  wordless?: boolean
  readonly members: Map<string, Place>
}

/** A member of every element of a list. */
const EACH = '*'
const PATHS: Readonly<Record<string, KeyField>> = {
  action: 'action',
  outcome: 'outcome',
  'src.ip': 'ip',
  'auth.session_id': 'session',
  trace_id: 'trace',
  correlation_id: 'correlation',
  severity: 'severity',
  source: 'source',
  'service.name': 'service',
  id: 'id',
  type: 'type',
  format: 'format',
  reason: 'reason',
  ...each('actor', ['actor', 'actor.on_behalf_of'], ['id', 'name', 'email', 'ref']),
  ...each('target', [`targets.${EACH}`], ['id', 'type', 'name', 'ref']),
}
/** Members of an envelope without words; those of the record itself would be words of every event. */
const WORDLESS = ['v', '_sd', '_sd_alg', 'refs', 'time', 'observed_time', 'type', 'format']

function each(
  field: KeyField,
  parents: readonly string[],
  names: readonly string[],
): Record<string, KeyField> {
  return Object.fromEntries(
    parents.flatMap((parent) => names.map((name) => [`${parent}.${name}`, field] as const)),
  )
}

export const EVENT: Place = { members: new Map() }
for (const [path, field] of Object.entries(PATHS)) made(path).field = field
for (const path of WORDLESS) made(path).wordless = true

function made(path: string): Place {
  let place = EVENT
  for (const name of path.split('.')) {
    const next: Place = place.members.get(name) ?? { members: new Map() }
    place.members.set(name, next)
    place = next
  }
  return place
}

/** Where `name` leads from `place`; undefined where no field is any more. */
export function memberOf(place: Place | undefined, name: string): Place | undefined {
  return place?.members.get(name)
}

export function elementOf(place: Place | undefined): Place | undefined {
  return place?.members.get(EACH)
}

/** The place of a dotted path, in which positions in lists are numbers. */
export function placeAt(path: string): Place | undefined {
  let place: Place | undefined = EVENT
  for (const name of path.split('.')) {
    place = memberOf(place, name) ?? (/^\d+$/.test(name) ? elementOf(place) : undefined)
    if (place === undefined) return undefined
  }
  return place
}
