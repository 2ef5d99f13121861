// A walk over everything that an event can be found by: for the texts of its keys (keys.ts), and for their hashes (terms.ts).
import type { DisclosedField } from '../event/disclosures.ts'
import { type Envelope, MAX_DEPTH } from '../event/types.ts'
import {
  elementOf,
  EVENT,
  type KeyField,
  memberOf,
  NAMES,
  type Place,
  placeAt,
  SEVERITY_RANGES,
} from './key-fields.ts'

export interface KeyVisitor {
  /** A value that is searched for whole. */
  whole(field: KeyField, value: string, personal: boolean): void
  /** A text that has words. All that are clear come before those that are personal. @param name it is one word (words.ts) */
  words(text: string, personal: boolean, name: boolean): void
}

interface Walk {
  readonly visitor: KeyVisitor
  readonly refs: readonly string[] | undefined
  readonly personal: boolean
  /** Levels of arrays and objects that are still looked into. */
  readonly levels: number
}

/** A value that is longer is not searched for whole: no query has room for it (plan.ts). UTF-16 units. */
export const MAX_WHOLE = 512

/** Paths whose places are remembered. */
const PLACES = 1_000
const places = new Map<string, Place | undefined>()

export function visitKeys(envelope: Envelope, fields: readonly DisclosedField[], visitor: KeyVisitor): void {
  const { refs } = envelope
  visitMembers(envelope, EVENT, false, { visitor, refs, personal: false, levels: MAX_DEPTH })
  if (fields.length === 0) return
  const walk = { visitor, refs, personal: true, levels: MAX_DEPTH }
  for (const { path, value } of fields) visit(value, knownPlace(path), path.endsWith('.ref'), walk)
}

function knownPlace(path: string): Place | undefined {
  const known = places.get(path)
  if (known !== undefined || places.has(path)) return known
  if (places.size >= PLACES) places.clear()
  const place = placeAt(path)
  places.set(path, place)
  return place
}

/** @param ref it is the name of a subject, or its position among them */
function visit(value: unknown, place: Place | undefined, ref: boolean, walk: Walk): void {
  if (typeof value === 'string') visitText(value, place, ref, walk)
  else if (typeof value === 'number') visitNumber(value, place, ref, walk)
  // No event is deeper, but an entry may be that somebody appended as bytes.
  else if (typeof value === 'object' && value !== null && walk.levels > 0) {
    const below = { ...walk, levels: walk.levels - 1 }
    if (Array.isArray(value)) for (const one of value) visit(one, elementOf(place), false, below)
    else visitMembers(value, place, true, below)
  }
}

function visitMembers(value: object, place: Place | undefined, within: boolean, walk: Walk): void {
  for (const name in value) {
    if (!Object.hasOwn(value, name)) continue
    const member = memberOf(place, name)
    if (member?.wordless === true && member.field === undefined) continue
    visit((value as Record<string, unknown>)[name], member, within && name === 'ref', walk)
  }
}

function visitText(value: string, place: Place | undefined, ref: boolean, walk: Walk): void {
  const { visitor, personal } = walk
  const field = place?.field
  if (field !== undefined) visitWhole(field, value, walk)
  if (!ref && place?.wordless !== true)
    visitor.words(value, personal, field !== undefined && NAMES.has(field))
}

function visitWhole(field: KeyField, value: string, { visitor, personal }: Walk): void {
  if (field === 'severity') return // a number
  if (value.length > MAX_WHOLE) return
  visitor.whole(field, value, personal)
  if (field !== 'action') return
  for (let dot = value.indexOf('.'); dot >= 0; dot = value.indexOf('.', dot + 1))
    visitor.whole(field, `${value.slice(0, dot)}.*`, personal)
}

function visitNumber(value: number, place: Place | undefined, ref: boolean, walk: Walk): void {
  const { visitor, personal, refs } = walk
  const field = place?.field
  if (field === 'severity') {
    visitor.whole('severity', String(value), personal)
    for (const from of SEVERITY_RANGES)
      if (from <= value) visitor.whole('severity_from', String(from), personal)
  } else if (ref && field !== undefined) {
    const name = refs?.[value]
    if (name !== undefined) visitor.whole(field, name, personal)
  }
}
