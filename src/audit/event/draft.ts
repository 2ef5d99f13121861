// Drafts: records split by policy, before the vault seals them. A draft depends on the record, its source and the policy alone.
import { hash } from 'node:crypto'
import { setMember } from '../../core/disclose.ts'
import { canonicalBytes } from './canonical.ts'
import type { PrivacyPolicy } from './privacy.ts'
import { type OwnedField, splitEvent, type SplitEvent } from './split-event.ts'
import {
  type AuditEvent,
  type Draft,
  type Incoming,
  type Json,
  type JsonObject,
  MAX_DISCLOSURES,
  type PersonalField,
  type ProducerSignature,
  type Subject,
} from './types.ts'

/** Bytes of the clear members at most: with digests and names of subjects they must fit an entry. */
const MAX_CLEAR_SIZE = 32_768
/** Characters of a word in the clear about a signature at most. */
const MAX_SIGNATURE_WORD = 128
/** What stays clear however long it is: it is bounded by the schema. */
const FIXED: ReadonlySet<string> = new Set([
  'id',
  'time',
  'observed_time',
  'action',
  'outcome',
  'enriched',
  'severity',
])

/**
 * Splits a record into what its entry says for ever and what can be erased. What is too large for an entry is personal
 * whatever the policy says; so no record fails here.
 * @param source who sent it, by its key
 */
export function draftOf(incoming: Incoming, source: string, policy: PrivacyPolicy): Draft {
  return incoming.kind === 'raw' ? rawDraft(incoming, source) : eventDraft(incoming, source, policy)
}

/**
 * An entry that this log writes about itself; nothing in it is personal.
 * @param clear members of the envelope beside the fixed ones
 */
export function internalDraft(
  type: 'erasure' | 'custody',
  id: string,
  source: string,
  clear: JsonObject,
): Draft {
  return { clear: { ...clear, v: 1, type, id, source, format: 'internal' }, personal: [], subjects: [] }
}

// No spread and no closure here: with them, this function took a tenth of all the time an event costs.
function eventDraft(incoming: Incoming & { kind: 'event' }, source: string, policy: PrivacyPolicy): Draft {
  const { event, format, signature } = incoming
  const split = splitToFit(event, source, policy, incoming.owners)
  const fields = withFewer(split.personal)
  const evidence = evidenceOf(incoming)
  if (evidence !== undefined) fields.push({ owner: split.rest, path: 'evidence', value: evidence })
  const subjects = distinctSubjects(split.rest, fields)
  const personal: PersonalField[] = []
  for (const { owner, path, value } of fields)
    personal.push({ subject: positionOf(subjects, owner), path, value })
  const clear = withRefs(split, subjects)
  if (signature) clear['signature'] = shortWords(signature)
  clear['v'] = 1
  clear['type'] = 'event'
  clear['source'] = source
  clear['format'] = format
  if (event.id !== undefined) return { clear, personal, subjects }
  return { clear, personal, subjects, nameless: canonicalBytes(event) }
}

function evidenceOf({ evidence, signature }: Incoming & { kind: 'event' }): JsonObject | undefined {
  if (evidence === undefined && signature === undefined) return undefined
  const all = { ...evidence, ...longWords(signature) }
  return Object.keys(all).length > 0 ? all : undefined
}

function rawDraft({ format, raw, sha256, size, reason }: Incoming & { kind: 'raw' }, source: string): Draft {
  const id = sha256 ?? hash('sha256', raw, 'hex')
  const contents = { raw, ...(sha256 !== undefined && { sha256 }) }
  return {
    clear: { v: 1, type: 'raw', source, format, reason: reason.code, size },
    personal: Object.entries(contents).map(([path, value]) => ({ subject: 0, path, value })),
    subjects: [{ kind: 'raw', id }],
    nameless: canonicalBytes({ ...contents, size }),
  }
}

/** Splits again with the largest clear fields forced out, when they are too large for an entry. */
function splitToFit(
  event: AuditEvent,
  source: string,
  policy: PrivacyPolicy,
  owners: ReadonlyMap<string, Subject> | undefined,
): SplitEvent {
  const split = splitEvent(event, source, policy, { owners })
  if (split.bound <= MAX_CLEAR_SIZE) return split
  let size = canonicalBytes(split.clear).length
  if (size <= MAX_CLEAR_SIZE) return split
  const leaves: { path: string; size: number }[] = []
  splitEvent(event, source, policy, {
    owners,
    onClear: ({ path, value }) => leaves.push({ path, size: canonicalBytes(value).length }),
  })
  const movable = leaves.filter(({ path }) => !FIXED.has(path))
  const forced = new Set<string>()
  for (const leaf of movable.sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1))) {
    if (size <= MAX_CLEAR_SIZE) break
    forced.add(leaf.path)
    size -= leaf.size
  }
  return splitEvent(event, source, policy, { owners, forced })
}

/** Members of `extra`, then of `params`, as one field each, when there are more fields than an entry has room for. */
function withFewer(fields: OwnedField[]): OwnedField[] {
  let kept = fields
  for (const group of ['extra', 'params']) {
    if (kept.length < MAX_DISCLOSURES) break
    const members = kept.filter(({ path }) => path.startsWith(`${group}.`))
    const [first] = members
    if (first === undefined) continue
    const value: Record<string, Json> = {}
    for (const member of members) setMember(value, member.path.slice(group.length + 1), member.value)
    kept = [
      ...kept.filter(({ path }) => !path.startsWith(`${group}.`)),
      { owner: first.owner, path: group, value },
    ]
  }
  return kept
}

/** In the order of the fields, but the one of fields without a person of their own first. */
function distinctSubjects(rest: Subject, fields: readonly OwnedField[]): Subject[] {
  const subjects: Subject[] = []
  for (const { owner } of fields) {
    if (positionOf(subjects, owner) >= 0) continue
    if (isSame(owner, rest)) subjects.unshift(rest)
    else subjects.push(owner)
  }
  return subjects
}

function positionOf(subjects: readonly Subject[], subject: Subject): number {
  for (let i = 0; i < subjects.length; i++) if (isSame(subjects[i] as Subject, subject)) return i
  return -1
}

function isSame(a: Subject, b: Subject): boolean {
  return a === b || (a.kind === b.kind && a.id === b.id)
}

/** The clear members, with the persons' positions among the subjects. */
function withRefs(
  { clear, actor, onBehalfOf, targets }: SplitEvent,
  subjects: readonly Subject[],
): Record<string, Json> {
  if (subjects.length === 0) return clear
  const own = refOf(subjects, actor)
  const other = refOf(subjects, onBehalfOf)
  if (own >= 0 || other >= 0) {
    const party = clear['actor'] as JsonObject | undefined
    const behalf =
      other < 0 ? undefined : { ...(party?.['on_behalf_of'] as JsonObject | undefined), ref: other }
    const named: Record<string, Json> = own >= 0 ? { ...party, ref: own } : { ...party }
    if (behalf !== undefined) named['on_behalf_of'] = behalf
    clear['actor'] = named
  }
  if (targets.some((target) => refOf(subjects, target) >= 0)) {
    const parties = clear['targets'] as readonly JsonObject[]
    clear['targets'] = parties.map((party, i) => {
      const ref = refOf(subjects, targets[i])
      return ref < 0 ? party : { ...party, ref }
    })
  }
  return clear
}

function refOf(subjects: readonly Subject[], subject: Subject | undefined): number {
  return subject === undefined ? -1 : positionOf(subjects, subject)
}

/** The words of a signature come from the sender: what is too long for the entry is evidence. */
function shortWords(signature: ProducerSignature): JsonObject {
  return Object.fromEntries(
    Object.entries(signature).map(([name, word]) => [name, String(word).slice(0, MAX_SIGNATURE_WORD)]),
  )
}

function longWords(signature: ProducerSignature | undefined): JsonObject | undefined {
  if (
    signature === undefined ||
    !Object.values(signature).some((word) => String(word).length > MAX_SIGNATURE_WORD)
  )
    return undefined
  return { signature: { ...signature } }
}
