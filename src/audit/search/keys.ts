// What an event can be found by, as text: `<field>\0<value>`. Stored are only keyed hashes of it (terms.ts).
import { type DisclosedField, openFields } from '../event/disclosures.ts'
import { AuditError } from '../event/errors.ts'
import type { Disclosure, Envelope } from '../event/types.ts'
import { type KeyField, SEVERITY_RANGES } from './key-fields.ts'
import { visitKeys } from './visit-keys.ts'
import { addName, addWords, foldCase, MAX_WORDS } from './words.ts'

export interface EventKeys {
  /** What stands in the log for everybody who may search it. */
  readonly clear: ReadonlySet<string>
  /** What stands in personal fields. */
  readonly personal: ReadonlySet<string>
}

/** The text that is hashed. Upper and lower case are one. */
export function keyOf(field: KeyField, value: string): string {
  return `${field}\0${foldCase(value)}`
}

/** Everything that an event can be found by. The same event has the same keys, so a hit can be checked with them. */
export function keysOf(envelope: Envelope, disclosures: readonly Disclosure[]): EventKeys {
  const clear = new Set<string>()
  const personal = new Set<string>()
  const words = new Set<string>()
  const personalWords = new Set<string>()
  visitKeys(envelope, fieldsOf(envelope, disclosures), {
    whole(field, value, isPersonal) {
      ;(isPersonal ? personal : clear).add(keyOf(field, value))
    },
    words(text, isPersonal, isName) {
      const add = isName ? addName : addWords
      // Clear texts come first.
      if (isPersonal) add(text, personalWords, MAX_WORDS - words.size)
      else add(text, words, MAX_WORDS)
    },
  })
  for (const word of words) clear.add(`w\0${word}`)
  for (const word of personalWords) personal.add(`w\0${word}`)
  return { clear, personal }
}

/** None where one is not of this envelope: nobody finds an event by what it does not say. */
export function fieldsOf(envelope: Envelope, disclosures: readonly Disclosure[]): DisclosedField[] {
  try {
    return openFields(envelope, disclosures)
  } catch (error) {
    if (error instanceof AuditError && error.code === 'not_an_event') return []
    throw error
  }
}

const MAX_SEVERITY = 24

/** Keys of which an event of severity `at least` has one. */
export function severityKeys(least: number): string[] {
  const range = SEVERITY_RANGES.find((from) => from >= least) ?? MAX_SEVERITY + 1
  const exact = Array.from({ length: range - least }, (_, i) => keyOf('severity', String(least + i)))
  return range > MAX_SEVERITY ? exact : [keyOf('severity_from', String(range)), ...exact]
}
