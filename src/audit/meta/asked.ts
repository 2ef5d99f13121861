// What was asked for, as the journal keeps it. Who searches for a person names them, as identifier, name, word or address: all of
// that belongs to a subject of its own for each log, whose key is destroyed with whoever is erased from that log. What can name
// nobody stays with the one who asked.
import type { Access } from '../../http/journal.ts'
import type { Json, JsonObject, Subject } from '../event/types.ts'

/** Where it stands in an event of the journal. */
export const SOUGHT = 'params.sought'

const NUMBER = /^\d{1,10}$/
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]{1,18}(?:Z|[+-]\d\d:\d\d)$/
/** Values that name nobody, by the parameter that has them. */
const HARMLESS: Readonly<Record<string, RegExp>> = {
  index: NUMBER,
  before: NUMBER,
  since: NUMBER,
  after: NUMBER,
  limit: NUMBER,
  start: NUMBER,
  end: NUMBER,
  size: NUMBER,
  severity: NUMBER,
  from: TIME,
  to: TIME,
  reveal: /^(?:true|false)$/,
  outcome: /^(?:success|failure|unknown)$/,
  type: /^(?:event|raw|erasure|custody)$/,
  format: /^(?:ndjson|csv|ocsf)$/,
  disclose:
    /^(?:(?:all|message|params|extra|evidence|actor|src|http|device)(?:\.(?:id|name|email|ip|port|user_agent|query))?,?)+$/,
}
/** Names of the others that are told all the same; further ones are the caller's invention. */
const FILTERS: ReadonlySet<string> = new Set(
  'action actor correlation disclose id ip service session source target text trace from to'.split(' '),
)
const REF = /^[A-Za-z0-9_-]{22}$/

/** @param log that was looked into; none for what was asked in vain, whatever log it named */
export function soughtIn(log: string | undefined): Subject {
  return { kind: 'source', id: log === undefined ? 'sought in vain' : `sought in ${log}` }
}

/** Whose member `params.sought` is. */
export function ownerOfSought({ log, status }: Pick<Access, 'log' | 'status'>): Subject {
  return soughtIn(isServed(status) ? log : undefined)
}

/** What can name nobody, and the rest. */
export function splitAsked(
  { action, status }: Pick<Access, 'action' | 'status'>,
  detail: JsonObject,
): { readonly asked: JsonObject; readonly sought: JsonObject } {
  // What is changed, by who may, is told by the service itself: names of keys, logs, erasures.
  if (action === 'admin' && isServed(status)) return { asked: detail, sought: {} }
  const kept = Object.entries(detail).filter(([name, value]) => isHarmless(name, value, status))
  const rest = Object.entries(detail).filter(([name, value]) => !isHarmless(name, value, status))
  const by = rest.map(([name]) => name).filter((name) => FILTERS.has(name))
  return {
    asked: Object.fromEntries([...kept, ...(by.length === 0 ? [] : [['by', by] as const])]),
    sought: Object.fromEntries(rest),
  }
}

/** What is only about to be done may yet be refused. */
function isServed(status: number | undefined): boolean {
  return status !== undefined && status < 400
}

function isHarmless(name: string, value: Json, status: number | undefined): boolean {
  // Random names of those who were looked for, told by the service: they mean nothing once these are erased.
  if (name === 'persons') return isServed(status) && Array.isArray(value) && value.every(isRef)
  const rule = Object.hasOwn(HARMLESS, name) ? HARMLESS[name] : undefined
  return (
    rule !== undefined &&
    (typeof value === 'string' || typeof value === 'boolean') &&
    rule.test(String(value))
  )
}

function isRef(value: Json): boolean {
  return typeof value === 'string' && REF.test(value)
}
