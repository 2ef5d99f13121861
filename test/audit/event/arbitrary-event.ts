// Events that satisfy the schema, as any sender could send them.
import fc from 'fast-check'
import type { AuditEvent, Json } from '../../../src/audit/event/types.ts'

const text = (maxLength = 12) => fc.string({ unit: 'grapheme', minLength: 1, maxLength })
const json = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as Json)
const time = fc
  .integer({ min: 0, max: 4e12 })
  .map((millis) => new Date(millis).toISOString().replace(/\.?0*Z$/, 'Z'))

/** Each member present or not. */
const some = <T>(members: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(members, { requiredKeys: [] })

const party = {
  id: text(),
  type: fc.oneof(fc.constantFrom('user', 'service', 'system', 'User'), text()),
  name: text(),
}
const person = { ...party, email: text() }
const members = fc.dictionary(
  fc.oneof(fc.constantFrom('__proto__', '', 'a.b', '_sd', 'constructor'), text()),
  json,
  {
    maxKeys: 5,
  },
)

export const arbitraryEvent: fc.Arbitrary<AuditEvent> = fc.record(
  {
    time,
    action: text(),
    outcome: fc.constantFrom('success', 'failure', 'unknown'),
    id: text(),
    observed_time: time,
    actor: some({ ...person, on_behalf_of: some(person) }),
    targets: fc.array(some(party), { maxLength: 3 }),
    src: some({
      ip: text(),
      port: fc.integer({ min: 0, max: 65_535 }),
      host: text(),
      geo: some({ country: text(), region: text(), city: text() }),
    }),
    http: some({
      method: text(),
      path: text(),
      query: text(),
      status: fc.integer({ min: 0, max: 999 }),
      user_agent: text(),
      host: text(),
    }),
    params: fc.oneof(
      members,
      json.filter((value) => value !== null),
    ),
    device: some({
      id: text(),
      managed: fc.boolean(),
      compliant: fc.boolean(),
      posture: json.filter((value) => value !== null),
    }),
    auth: some({
      method: text(),
      mfa: fc.boolean(),
      session_id: text(),
      event_id: text(),
      token_id: text(),
    }),
    trace_id: text(),
    span_id: text(),
    correlation_id: text(),
    causation_id: text(),
    severity: fc.integer({ min: 1, max: 24 }),
    service: some({ name: text(), version: text() }),
    message: fc.string({ unit: 'grapheme', maxLength: 12 }),
    extra: members,
  },
  { requiredKeys: ['time', 'action', 'outcome'] },
) as fc.Arbitrary<AuditEvent>
