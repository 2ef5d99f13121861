// What an event can be found by, as text: `<field>\0<value>`. Stored are only keyed hashes of it (terms.ts).
import { type DisclosedField, openFields } from '../event/disclosures.ts'
import { AuditError } from '../event/errors.ts'
import type { Disclosure, Envelope } from '../event/types.ts'
import { addWords, foldCase, MAX_WORDS } from './words.ts'

/** The fields that are searched by their whole value. */
export type KeyField =
  | 'action'
  | 'actor'
  | 'target'
  | 'outcome'
  | 'ip'
  | 'session'
  | 'trace'
  | 'correlation'
  | 'severity'
  | 'severity_from'
  | 'source'
  | 'service'
  | 'id'
  | 'type'
  | 'format'
  | 'reason'
  | 'far'
  | 'w'

export interface EventKeys {
  /** What stands in the log for everybody who may search it. */
  readonly clear: ReadonlySet<string>
  /** What stands in personal fields. */
  readonly personal: ReadonlySet<string>
}

/** Lowest severities of the ranges of OpenTelemetry: trace, debug, info, warn, error, fatal. */
const SEVERITY_RANGES = [1, 5, 9, 13, 17, 21] as const
const MAX_SEVERITY = 24
/** Members of an envelope in which nobody looks for words. */
const WORDLESS: ReadonlySet<string> = new Set(['v', '_sd', '_sd_alg', 'refs', 'time', 'observed_time'])

const PARTY = ['id', 'name', 'email', 'ref'] as const
const BY_PATH: ReadonlyMap<string, KeyField> = new Map<string, KeyField>([
  ...PARTY.flatMap((name) => [`actor.${name}`, `actor.on_behalf_of.${name}`]).map(
    (path) => [path, 'actor'] as const,
  ),
  ['outcome', 'outcome'],
  ['src.ip', 'ip'],
  ['auth.session_id', 'session'],
  ['trace_id', 'trace'],
  ['correlation_id', 'correlation'],
  ['source', 'source'],
  ['service.name', 'service'],
  ['id', 'id'],
  ['type', 'type'],
  ['format', 'format'],
  ['reason', 'reason'],
])
const TARGET = /^targets\.\d+\.(id|type|name|ref)$/

/** The text that is hashed. Upper and lower case are one. */
export function keyOf(field: KeyField, value: string): string {
  return `${field}\0${foldCase(value)}`
}

/** Keys of which an event of severity `at least` has one. */
export function severityKeys(least: number): string[] {
  const range = SEVERITY_RANGES.find((from) => from >= least) ?? MAX_SEVERITY + 1
  const exact = Array.from({ length: range - least }, (_, i) => keyOf('severity', String(least + i)))
  return range > MAX_SEVERITY ? exact : [keyOf('severity_from', String(range)), ...exact]
}

/** Everything that an event can be found by. The same event has the same keys, so a hit can be checked with them. */
export function keysOf(envelope: Envelope, disclosures: readonly Disclosure[]): EventKeys {
  const clear = new Set<string>()
  const personal = new Set<string>()
  const clearTexts: string[] = []
  const personalTexts: string[] = []
  for (const [name, value] of Object.entries(envelope))
    if (!WORDLESS.has(name)) walk(name, value, envelope, clear, clearTexts)
  for (const { path, value } of fieldsOf(envelope, disclosures))
    walk(path, value, envelope, personal, personalTexts)
  const words = new Set<string>()
  for (const text of clearTexts) addWords(text, words)
  for (const word of words) clear.add(`w\0${word}`)
  const room = MAX_WORDS - words.size
  const personalWords = new Set<string>()
  for (const text of personalTexts) addWords(text, personalWords, room)
  for (const word of personalWords) personal.add(`w\0${word}`)
  return { clear, personal }
}

/** None where one is not of this envelope: nobody finds an event by what it does not say. */
function fieldsOf(envelope: Envelope, disclosures: readonly Disclosure[]): DisclosedField[] {
  try {
    return openFields(envelope, disclosures)
  } catch (error) {
    if (error instanceof AuditError && error.code === 'not_an_event') return []
    throw error
  }
}

/** Adds the keys of whole values, and collects the texts that have words. */
function walk(path: string, value: unknown, envelope: Envelope, keys: Set<string>, texts: string[]): void {
  if (typeof value === 'string') {
    addValue(path, value, keys)
    if (!path.endsWith('.ref')) texts.push(value)
  } else if (typeof value === 'number') addNumber(path, value, envelope, keys)
  else if (Array.isArray(value))
    for (const [i, one] of value.entries()) walk(`${path}.${i}`, one, envelope, keys, texts)
  else if (typeof value === 'object' && value !== null)
    for (const [name, one] of Object.entries(value)) walk(`${path}.${name}`, one, envelope, keys, texts)
}

function addValue(path: string, value: string, keys: Set<string>): void {
  if (path === 'action') {
    keys.add(keyOf('action', value))
    for (let dot = value.indexOf('.'); dot >= 0; dot = value.indexOf('.', dot + 1))
      keys.add(keyOf('action', `${value.slice(0, dot)}.*`))
    return
  }
  const field = path.startsWith('targets.') ? targetField(path) : BY_PATH.get(path)
  if (field !== undefined) keys.add(keyOf(field, value))
}

function targetField(path: string): KeyField | undefined {
  return TARGET.test(path) ? 'target' : undefined
}

function addNumber(path: string, value: number, envelope: Envelope, keys: Set<string>): void {
  if (path === 'severity') {
    keys.add(keyOf('severity', String(value)))
    for (const from of SEVERITY_RANGES) if (from <= value) keys.add(keyOf('severity_from', String(from)))
  }
  // A subject by its position among the random names of all of them.
  const ref = path.endsWith('.ref') ? envelope.refs?.[value] : undefined
  if (ref !== undefined) addValue(path, ref, keys)
}
