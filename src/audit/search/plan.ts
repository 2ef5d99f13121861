// A query as conditions on keys: on their terms in the table, and on the keys of the event that was found.
import { AuditError } from '../event/errors.ts'
import { nanosOf } from '../event/time.ts'
import type { Envelope } from '../event/types.ts'
import type { KeyField } from './key-fields.ts'
import { type EventKeys, keyOf, severityKeys } from './keys.ts'
import { millisOf, nanosIn } from './rows.ts'
import type { Terms } from './terms.ts'
import type { SearchQuery } from './types.ts'
import { MAX_WHOLE } from './visit-keys.ts'
import { wordsOf } from './words.ts'

/** Keys of which an event must have one. */
type OneOf = readonly string[]

export interface Plan {
  readonly conditions: readonly OneOf[]
  /** Times in nanoseconds: `from` inclusive, `to` exclusive. */
  readonly from: bigint | undefined
  readonly to: bigint | undefined
  /** Indexes: `start` inclusive, `end` exclusive. */
  readonly start: number
  readonly end: number
  readonly limit: number
  readonly personal: boolean
}

const MAX_LIMIT = 1_000
const MAX_QUERY_WORDS = 20
const MAX_VALUES = 20
const FIELDS = [
  'action',
  'actor',
  'target',
  'outcome',
  'ip',
  'session',
  'trace',
  'correlation',
  'source',
  'service',
  'id',
  'type',
] as const satisfies readonly (KeyField & keyof SearchQuery)[]

/** @throws AuditError `invalid_query`; `evidence.parameter` names the one */
export function planOf(query: SearchQuery): Plan {
  const conditions: OneOf[] = []
  for (const field of FIELDS) {
    const given = query[field]
    if (given !== undefined) conditions.push(valuesOf(field, given).map((value) => keyOf(field, value)))
  }
  if (query.severity !== undefined) {
    conditions.push(severityKeys(wholeNumber('severity', query.severity, 1, 24)))
  }
  if (query.text !== undefined) conditions.push(...wordConditions(query.text))
  const [from, to] = [timeOf('from', query.from), timeOf('to', query.to)]
  return {
    conditions,
    from,
    to,
    start: wholeNumber('since', query.since ?? 0, 0, Number.MAX_SAFE_INTEGER),
    end: wholeNumber('before', query.before ?? Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber('limit', query.limit, 1, MAX_LIMIT),
    personal: query.personal,
  }
}

function valuesOf(name: string, given: string | readonly string[]): readonly string[] {
  const values = typeof given === 'string' ? [given] : given
  if (values.length === 0 || values.length > MAX_VALUES)
    throw invalid(name, `takes 1 to ${MAX_VALUES} values`)
  for (const value of values) {
    if (value.length === 0 || value.length > MAX_WHOLE)
      throw invalid(name, `takes 1 to ${MAX_WHOLE} characters`)
  }
  return values
}

function wordConditions(text: string): OneOf[] {
  const words = wordsOf(text)
  if (words.length === 0) throw invalid('text', 'has no word of 2 letters or digits')
  if (words.length > MAX_QUERY_WORDS) throw invalid('text', `takes ${MAX_QUERY_WORDS} words at most`)
  return words.map((word) => [keyOf('w', word)])
}

function timeOf(name: string, time: string | undefined): bigint | undefined {
  if (time === undefined) return undefined
  try {
    return nanosOf(time)
  } catch {
    throw invalid(name, 'is no time as in RFC 3339, such as 2026-01-31T09:00:00Z')
  }
}

function wholeNumber(name: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw invalid(name, `is a whole number from ${min} to ${max}`)
}

function invalid(parameter: string, what: string): AuditError {
  return new AuditError('invalid_query', `${parameter} ${what}`, { parameter })
}

/**
 * The conditions on `terms`, in SQL, as an inverted index answers them; made of numbers only. Empty when there are none.
 */
export function termConditions(plan: Plan, terms: Terms): string[] {
  const accepted = acceptedTerms(plan, terms)
  const all = accepted.filter(({ length }) => length === 1).flat()
  const some = accepted.filter(({ length }) => length > 1).map((list) => `terms && '{${list.join(',')}}'`)
  return all.length === 0 ? some : [`terms @> '{${all.join(',')}}'`, ...some]
}

/** The same for rows that are looked at one by one: their terms are ascending, and halving them takes half of the time. */
export function rowConditions(plan: Plan, terms: Terms): string[] {
  return acceptedTerms(plan, terms).map((list) => {
    const each = list.map((term) => `terms[width_bucket('${term}'::int, terms)] = '${term}'`)
    return `(${each.join(' OR ')})`
  })
}

/**
 * Of each condition the terms of which a row must have one. What the caller may not search by is not among them, so that nothing
 * about it can be seen in the answer.
 */
function acceptedTerms({ conditions, personal }: Plan, terms: Terms): number[][] {
  return conditions.map((keys) =>
    keys.flatMap((key) => (personal ? [terms.clear(key), terms.personal(key)] : [terms.clear(key)])),
  )
}

/** Whether the event is what its terms, hashes of 31 bits, made believe. */
export function matches(plan: Plan, envelope: Envelope, { clear, personal }: EventKeys): boolean {
  const has = (key: string): boolean => clear.has(key) || (plan.personal && personal.has(key))
  if (!plan.conditions.every((keys) => keys.some(has))) return false
  const nanos = nanosIn(envelope['time'])
  if (nanos === undefined) return true // the time when the log took it is exact in the row
  return (plan.from === undefined || nanos >= plan.from) && (plan.to === undefined || nanos < plan.to)
}

/** Bounds on the column `time`, inclusive; POSIX milliseconds. Undefined when any time will do. */
export function millisWithin({ from, to }: Plan): { low: number; high: number } | undefined {
  if (from === undefined && to === undefined) return undefined
  return {
    low: from === undefined ? Number.MIN_SAFE_INTEGER : millisOf(from),
    high: to === undefined ? Number.MAX_SAFE_INTEGER : millisOf(to - 1n),
  }
}
