// Views as OCSF 1.9: Authentication for logins and logouts, API Activity for all else, Base Event for what is no event.
import { toHex } from '../../core/bytes.ts'
import type { Hash } from '../../core/hash.ts'
import { rememberTaken, type Taker } from './take.ts'
import { nanosOf } from './time.ts'
import type { EventView, Json, JsonObject } from './types.ts'

export interface Where {
  readonly log: string
  readonly index: number
  readonly leafHash: Hash
  /** Milliseconds since 1970; for what has no time of its own, such as a raw record. 0, unknown, unless given. */
  readonly time?: number
}

type Activity = {
  readonly category: number
  readonly class: number
  readonly id: number
  readonly name: string
}

const LOGIN = /^(?:user[._-])?(?:log|sign)[._-]?(?:in|on)(?![a-z])/i
const LOGOUT = /^(?:user[._-])?(?:log|sign)[._-]?(?:out|off)(?![a-z])/i
const AUTHENTICATION = /^auth(?:entication)?(?![a-z])/i
const API_WORDS: readonly (readonly [id: number, name: string, words: RegExp])[] = [
  [1, 'Create', /(?:^|[^a-z])(?:create|add|insert|post|invite|register|upload|issue)(?:d|ed)?(?![a-z])/i],
  [2, 'Read', /(?:^|[^a-z])(?:read|get|list|view|watch|search|export|download|head)(?:ed)?(?![a-z])/i],
  [
    3,
    'Update',
    /(?:^|[^a-z])(?:update|put|patch|set|change|modify|edit|rename|grant|assign)(?:d|ed)?(?![a-z])/i,
  ],
  [4, 'Delete', /(?:^|[^a-z])(?:delete|deletecollection|remove|destroy|revoke|erase)(?:d|ed)?(?![a-z])/i],
]
const STATUS: Readonly<Record<string, readonly [id: number, name: string]>> = {
  success: [1, 'Success'],
  failure: [2, 'Failure'],
}
const SEVERITIES = ['Unknown', 'Informational', 'Low', 'Medium', 'High', 'Critical', 'Fatal'] as const

/**
 * An OCSF event. `attestation` says where in which log the entry is, with its leaf hash, SHA-256 (RFC 6962) of the entry and not
 * of this rendering; what OCSF has no attribute for is under `unmapped`. Hidden fields are absent, or the random name of their
 * subject where OCSF demands something.
 */
export function ocsfOf(view: EventView, where: Where): JsonObject {
  const take = rememberTaken(view.event)
  const activity = activityOf(view)
  const api = activity.class === 6003
  const status = STATUS[textOf(take('outcome'))] ?? [0, 'Unknown']
  const severity = severityOf(take('severity'))
  const time = take('time')
  const mapped = {
    activity_id: activity.id,
    activity_name: activity.name,
    category_uid: activity.category,
    class_uid: activity.class,
    type_uid: activity.class * 100 + activity.id,
    time: typeof time === 'string' ? Number(nanosOf(time) / 1_000_000n) : (where.time ?? 0),
    severity_id: severity,
    severity: SEVERITIES[severity],
    status_id: status[0],
    status: status[1],
    message: take('message'),
    metadata: metadataOf(view, take),
    attestation: attestationOf(where),
    ...(activity.class !== 0 && partiesOf(view, take, api)),
  }
  return pruned({ ...mapped, unmapped: take.rest() }) as JsonObject
}

/** Every member of `partiesOf` that OCSF requires has something in it. */
function partiesOf(view: EventView, take: Taker, api: boolean): object {
  const actor = actorOf(take)
  return {
    actor: { ...actor, session: { uid: take('auth.session_id') } },
    ...(api
      ? {
          api: {
            operation: take('action'),
            request: { data: take('params') },
            service: { name: view.source },
          },
        }
      : {
          user: actor['user'] ?? { uid: actor['app_uid'] ?? actor['app_name'] },
          is_mfa: take('auth.mfa'),
          auth_protocol: take('auth.method'),
          service: { name: view.source },
        }),
    src_endpoint: endpointOf(take),
    resources: api ? resourcesOf(take) : undefined,
    device: deviceOf(take),
    http_request: {
      http_method: take('http.method'),
      url: { path: take('http.path'), query_string: take('http.query'), hostname: take('http.host') },
      user_agent: take('http.user_agent'),
    },
    http_response: api ? { code: take('http.status') } : undefined,
  }
}

function activityOf({ type, event }: EventView): Activity {
  if (type !== 'event') return { category: 0, class: 0, id: 99, name: type }
  const action = textOf(event['action'])
  if (LOGIN.test(action)) return { category: 3, class: 3002, id: 1, name: 'Logon' }
  if (LOGOUT.test(action)) return { category: 3, class: 3002, id: 2, name: 'Logoff' }
  if (AUTHENTICATION.test(action)) return { category: 3, class: 3002, id: 99, name: action }
  const [id, name] = API_WORDS.find(([, , words]) => words.test(action)) ?? [99, action]
  return { category: 6, class: 6003, id, name }
}

function metadataOf(view: EventView, take: Taker): object {
  return {
    version: '1.9.0',
    profiles: ['record_integrity'],
    product: {
      name: take('service.name') ?? view.source,
      version: take('service.version'),
      vendor_name: view.source,
    },
    original_event_uid: view.id,
    log_name: view.source,
    log_provider: view.format,
    logged_time: millis(take('observed_time')),
    correlation_uid: take('correlation_id') ?? take('trace_id'),
  }
}

function attestationOf({ log, index, leafHash }: Where): object {
  return {
    uid: `${log}/${index}`,
    chain_uid: log,
    fingerprint: { algorithm: 'SHA-256', algorithm_id: 3, value: toHex(leafHash) },
  }
}

function actorOf(take: Taker): Record<string, unknown> {
  const [type, id, name, email] = ['type', 'id', 'name', 'email'].map((member) => take(`actor.${member}`))
  if (type === 'service' || type === 'system') return { app_uid: id, app_name: name ?? id ?? type }
  return { user: { uid: id ?? take('actor.ref') ?? 'unknown', name, email_addr: email, type } }
}

function endpointOf(take: Taker): object {
  const [ip, hostname] = [take('src.ip'), take('src.host')]
  const location = {
    country: take('src.geo.country'),
    region: take('src.geo.region'),
    city: take('src.geo.city'),
  }
  const name = ip === undefined && hostname === undefined ? 'unknown' : undefined
  return { ip, port: take('src.port'), hostname, name, location }
}

function resourcesOf(take: Taker): Json | undefined {
  const targets = take('targets')
  if (!Array.isArray(targets)) return undefined
  return (targets as JsonObject[]).flatMap(
    ({ id, ref, ...others }) => pruned({ uid: id ?? ref, ...others }) ?? [],
  )
}

function deviceOf(take: Taker): object | undefined {
  const [uid, managed, compliant] = [take('device.id'), take('device.managed'), take('device.compliant')]
  if (uid === undefined && managed === undefined && compliant === undefined) return undefined
  return { type_id: 0, uid, is_managed: managed, is_compliant: compliant } // OCSF requires a type: 0 is unknown
}

/** Severity numbers of OpenTelemetry, 1 to 24, as ids of OCSF: notices (INFO2) are low, warnings medium, errors high or critical. */
function severityOf(severity: Json | undefined): number {
  if (typeof severity !== 'number') return 0
  if (severity < 10) return 1
  return severity < 13 ? 2 : severity < 17 ? 3 : severity < 19 ? 4 : severity < 21 ? 5 : 6
}

function millis(time: Json | undefined): number | undefined {
  return typeof time === 'string' ? Number(nanosOf(time) / 1_000_000n) : undefined
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** Without members that are undefined, and without objects that had only such. */
function pruned(value: unknown): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value as Json | undefined
  const all = Object.entries(value)
  const kept = all.flatMap(([name, member]) => {
    const rest = pruned(member)
    return rest === undefined ? [] : [[name, rest] as const]
  })
  return kept.length === 0 && all.length > 0 ? undefined : Object.fromEntries(kept)
}
