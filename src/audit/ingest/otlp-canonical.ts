// The bytes that a producer signs of a log record. The signing processor of the OpenTelemetry Collector (contrib,
// processor/signingprocessor) writes them as RFC 8785 JSON and has changed which JSON more than once while in development, so each
// form that it had is tried. None covers the resource or the scope: what they say is the sender's claim alone.
import { canonicalBytes } from '../event/canonical.ts'
import { base64Of, type Members, put } from './otlp-json-of.ts'
import { INTEGRITY } from './otlp-rules.ts'
import { isMap, type OtlpAttribute, type OtlpRecord, type OtlpValue } from './otlp-types.ts'

/** What a producer may have signed of a record. */
export interface SignedForm {
  /** Kept with the verdict. */
  readonly profile: string
  readonly bytes: Uint8Array
}

interface Profile {
  readonly name: string
  /** Scalars as `{"stringValue":"x"}` and times as decimal text; else bare numbers and text. */
  readonly tagged: boolean
  /** Integers that a double can hold as numbers; those of a tagged form are decimal text otherwise. */
  readonly smallIntegers: 'text' | 'number'
  /** Which bodies are signed. */
  readonly body: 'any' | 'text'
  readonly severity: boolean
}

const PROFILES: readonly Profile[] = [
  // The signing processor and the verifying one of contrib since 2026-08.
  { name: 'otel-tagged', tagged: true, smallIntegers: 'text', body: 'any', severity: false },
  // The letter of the draft (specification/audit/data-model.md, audit.integrity.value).
  { name: 'otel-draft', tagged: true, smallIntegers: 'number', body: 'any', severity: false },
  // Contrib before: a body that is text was signed bare, any other not at all.
  { name: 'otel-tagged-text', tagged: true, smallIntegers: 'text', body: 'text', severity: false },
  { name: 'otel-bare', tagged: false, smallIntegers: 'number', body: 'any', severity: true },
  // Its first form (0ad1fab).
  { name: 'otel-bare-text', tagged: false, smallIntegers: 'number', body: 'text', severity: true },
]

/** The forms that differ, likeliest first. One that a record has no canonical JSON in is left out: nobody can have signed it. */
export function* signedForms(record: OtlpRecord): Generator<SignedForm> {
  const seen = new Set<string>()
  for (const profile of PROFILES) {
    const bytes = formOf(record, profile)
    if (bytes === undefined) continue
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
    if (seen.has(text)) continue
    seen.add(text)
    yield { profile: profile.name, bytes }
  }
}

function formOf(record: OtlpRecord, profile: Profile): Uint8Array | undefined {
  try {
    return canonicalBytes(payloadOf(record, profile))
  } catch {
    return undefined
  }
}

function payloadOf(record: OtlpRecord, profile: Profile): object {
  const { tagged, body, severity } = profile
  const attributes = record.attributes.filter(({ key }) => !key.startsWith(INTEGRITY))
  const time = (nanos: bigint): string | number | undefined =>
    nanos === 0n ? undefined : tagged ? String(nanos) : Number(nanos)
  const text = (value: string): string | undefined => (value === '' ? undefined : value)
  return {
    event_name: text(record.eventName),
    body:
      record.body === null || (body === 'text' && typeof record.body !== 'string')
        ? undefined
        : valueOf(record.body, body === 'any' ? profile : BARE),
    timestamp: time(record.time),
    observed_timestamp: time(record.observedTime),
    severity_number: severity && record.severityNumber !== 0 ? record.severityNumber : undefined,
    severity_text: severity ? text(record.severityText) : undefined,
    trace_id: text(record.traceId),
    span_id: text(record.spanId),
    attributes: attributes.length === 0 ? undefined : mapOf(attributes, profile),
  }
}

type Scalars = Pick<Profile, 'tagged' | 'smallIntegers'>
const BARE: Scalars = { tagged: false, smallIntegers: 'number' }

/** @throws UnreadableEvent for a repeated key */
function mapOf(entries: readonly OtlpAttribute[], scalars: Scalars): Members {
  const members: Members = {}
  for (const { key, value } of entries) put(members, key, valueOf(value, scalars))
  return members
}

/** Only scalars are tagged. */
function valueOf(value: OtlpValue, scalars: Scalars): Members[string] {
  if (value === null) return null
  if (typeof value === 'object' && !(value instanceof Uint8Array)) {
    return isMap(value) ? mapOf(value.kvlist, scalars) : value.map((element) => valueOf(element, scalars))
  }
  const [kind, scalar] = scalarOf(value, scalars)
  return scalars.tagged ? { [kind]: scalar } : scalar
}

function scalarOf(
  value: string | boolean | number | bigint | Uint8Array,
  { tagged, smallIntegers }: Scalars,
): [kind: string, scalar: string | number | boolean] {
  if (typeof value === 'string') return ['stringValue', value]
  if (typeof value === 'boolean') return ['boolValue', value]
  if (typeof value === 'number') return ['doubleValue', value]
  if (value instanceof Uint8Array) return ['bytesValue', base64Of(value)]
  const number = Number(value)
  const asText = tagged && (smallIntegers === 'text' || !Number.isSafeInteger(number))
  return ['intValue', asText ? String(value) : number]
}
