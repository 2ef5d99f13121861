// Which attribute of a log record is which field of an event: the names of the OpenTelemetry audit draft (specification/audit) and
// of the semantic conventions. Attributes without a rule are kept under their own name.
import type { OtlpValue } from './otlp-types.ts'

/** Where the value of an attribute goes, as its place in an array: looked up by name, it took twice as long. */
export const PLACE = {
  id: 0,
  actorId: 1,
  actorType: 2,
  actorName: 3,
  actorEmail: 4,
  action: 5,
  outcome: 6,
  targetId: 7,
  targetType: 8,
  targetName: 9,
  address: 10,
  port: 11,
  method: 12,
  path: 13,
  query: 14,
  status: 15,
  userAgent: 16,
  session: 17,
  device: 18,
  serviceName: 19,
  serviceVersion: 20,
} as const

export type Place = (typeof PLACE)[keyof typeof PLACE]
export const PLACES = Object.keys(PLACE).length

export interface Rule {
  readonly place: Place
  /** Of two attributes for one place the one with the lower rank is taken; the other is kept under its name. */
  readonly rank: number
  /** Undefined when the value does not fit: it is kept under its name then. */
  readonly take: (value: OtlpValue) => string | number | undefined
}

/** Text of 1 to `max` characters; an integer counts as its decimal digits. */
const text =
  (max: number) =>
  (value: OtlpValue): string | undefined => {
    const found = typeof value === 'bigint' ? String(value) : value
    return typeof found === 'string' && found.length > 0 && found.length <= max ? found : undefined
  }

const integer =
  (max: number) =>
  (value: OtlpValue): number | undefined => {
    const found = typeof value === 'string' && /^\d{1,9}$/.test(value) ? BigInt(value) : value
    return typeof found === 'bigint' && found >= 0n && found <= BigInt(max) ? Number(found) : undefined
  }

const outcome = (value: OtlpValue): string | undefined =>
  value === 'success' || value === 'failure' || value === 'unknown' ? value : undefined

const rule = (place: Place, take: Rule['take'], rank = 0): Rule => ({ place, take, rank })

/** Attributes of records. */
export const RECORD_RULES: ReadonlyMap<string, Rule> = new Map([
  ['audit.record.id', rule(PLACE.id, text(256))],
  ['log.record.uid', rule(PLACE.id, text(256), 1)],
  ['audit.actor.id', rule(PLACE.actorId, text(512))],
  ['enduser.id', rule(PLACE.actorId, text(512), 1)],
  ['user.id', rule(PLACE.actorId, text(512), 2)],
  ['audit.actor.type', rule(PLACE.actorType, text(64))],
  ['user.name', rule(PLACE.actorName, text(512))],
  ['user.email', rule(PLACE.actorEmail, text(512))],
  ['audit.action', rule(PLACE.action, text(256))],
  ['audit.outcome', rule(PLACE.outcome, outcome)],
  ['audit.target.id', rule(PLACE.targetId, text(512))],
  ['audit.target.type', rule(PLACE.targetType, text(64))],
  ['audit.target.name', rule(PLACE.targetName, text(512))],
  ['audit.source.id', rule(PLACE.address, text(256))],
  ['client.address', rule(PLACE.address, text(256), 1)],
  ['source.address', rule(PLACE.address, text(256), 2)],
  ['client.port', rule(PLACE.port, integer(65_535))],
  ['source.port', rule(PLACE.port, integer(65_535), 1)],
  ['http.request.method', rule(PLACE.method, text(32))],
  ['url.path', rule(PLACE.path, text(4_096))],
  ['url.query', rule(PLACE.query, text(8_192))],
  ['http.response.status_code', rule(PLACE.status, integer(999))],
  ['user_agent.original', rule(PLACE.userAgent, text(2_048))],
  ['session.id', rule(PLACE.session, text(256))],
  ['device.id', rule(PLACE.device, text(256), 1)],
  ['service.name', rule(PLACE.serviceName, text(256), 1)],
  ['service.version', rule(PLACE.serviceVersion, text(128), 1)],
])

/** Attributes of resources; what they say of the place wins over the record. */
export const RESOURCE_RULES: ReadonlyMap<string, Rule> = new Map([
  ['service.name', rule(PLACE.serviceName, text(256))],
  ['service.version', rule(PLACE.serviceVersion, text(128))],
  ['device.id', rule(PLACE.device, text(256))],
])

/** Attributes about the signature of the producer; they are evidence and not fields of the event. */
export const INTEGRITY = 'audit.integrity.'
