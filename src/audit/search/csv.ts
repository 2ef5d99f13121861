// Rows of CSV, RFC 4180, that no spreadsheet takes for formulas.
import type { EventView, Json } from '../event/types.ts'
import type { Place } from './place.ts'

/** Columns that are members of the event, by their dotted paths; the last column holds all of it as JSON. */
const MEMBERS = [
  'time',
  'action',
  'outcome',
  'actor.id',
  'actor.type',
  'actor.name',
  'actor.email',
  'actor.ref',
  'targets.0.id',
  'targets.0.type',
  'targets.0.name',
  'src.ip',
  'http.method',
  'http.path',
  'http.status',
  'auth.session_id',
  'trace_id',
  'correlation_id',
  'severity',
  'service.name',
  'message',
] as const
const PLACE = ['log', 'index', 'leaf_hash', 'checkpoint_size', 'previous'] as const
const VIEW = ['type', 'id', 'source', 'format', 'hidden'] as const

export const CSV_HEADER = `${[...PLACE, ...VIEW, ...MEMBERS, 'event'].join(',')}\r\n`

/** One row, with its line end. */
export function csvRow(place: Place, view: EventView): string {
  const cells = [
    ...PLACE.map((name) => place[name]),
    ...VIEW.map((name) => view[name]),
    ...MEMBERS.map((path) => memberAt(view.event, path)),
    JSON.stringify(view.event),
  ]
  return `${cells.map(csvCell).join(',')}\r\n`
}

/** Nothing for what is not there; an apostrophe before what a spreadsheet would compute (OWASP, "CSV Injection"). */
export function csvCell(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const safe = /^[\s]*[=+\-@\t\r\n＝＋－＠]/u.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function memberAt(event: Json, path: string): Json | undefined {
  let at: Json | undefined = event
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null) return undefined
    at = Object.hasOwn(at, name) ? (at as Readonly<Record<string, Json>>)[name] : undefined
  }
  return at
}
