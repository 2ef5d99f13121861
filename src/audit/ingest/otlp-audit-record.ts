// What the draft of the audit signal demands of a record (specification/audit/data-model.md).
import type { OtlpRecord, OtlpValue } from './otlp-types.ts'

/**
 * Attributes that must be there as text: of how many characters at most, because a longer one would silently be no id of the
 * event any more, or which words.
 */
const MANDATORY: readonly (readonly [key: string, allowed: number | readonly string[]])[] = [
  ['audit.record.id', 256],
  ['audit.actor.id', 512],
  ['audit.actor.type', ['user', 'service', 'system']],
  ['audit.action', 256],
  ['audit.outcome', ['success', 'failure', 'unknown']],
]
/** What is wrong with it, to be read after "record 3 of the request"; undefined when it is as it must be. */
export function checkAuditRecord(record: OtlpRecord): string | undefined {
  if (record.eventName === '') return 'has no event_name'
  if (record.time === 0n) return 'has no time_unix_nano'
  if (record.observedTime === 0n) return 'has no observed_time_unix_nano'
  if (record.time > record.observedTime) return 'has a time_unix_nano after its observed_time_unix_nano'
  for (const [key, allowed] of MANDATORY) {
    const found = record.attributes.find((attribute) => attribute.key === key)
    const wrong = found === undefined ? 'is missing' : wrongIn(found.value, allowed)
    if (wrong !== undefined) return `is no audit record: ${key} ${wrong}`
  }
  return undefined
}

function wrongIn(value: OtlpValue, allowed: number | readonly string[]): string | undefined {
  if (typeof value !== 'string' || value === '') return 'is no text, or empty'
  if (typeof allowed === 'number')
    return value.length > allowed ? `is longer than ${allowed} characters` : undefined
  return allowed.includes(value) ? undefined : `is none of ${allowed.join(', ')}`
}
