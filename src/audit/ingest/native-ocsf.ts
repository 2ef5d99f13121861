// OCSF 1.x events as payload: the reverse of how we export them.
import type { JsonObject } from '../event/types.ts'
import { isObject, objectOf, Picker } from './pick.ts'
import { timeLike } from './time-like.ts'

const OUTCOMES = new Map([
  [1, 'success'],
  [2, 'failure'],
])
/** `severity_id` 1 informational … 6 fatal, as OpenTelemetry numbers them. */
const SEVERITIES = new Map([
  [1, 9],
  [2, 10],
  [3, 13],
  [4, 17],
  [5, 18],
  [6, 21],
])

/**
 * An OCSF event (`class_uid` present): `time` in milliseconds, `metadata.uid` (or `original_event_uid`) as id, `api.operation` as
 * action, or else `ocsf.<class>.<activity>` by name or number. Without an `actor.user` the `user` of the event is the actor, as in
 * Authentication (3002); otherwise it is a target. What has no place in our event stays under `extra.ocsf`, nested as it was.
 */
export function ocsfEvent(value: JsonObject): JsonObject {
  const from = new Picker(value)
  const status = from.integer('status_id', 1, 2)
  const severity = from.integer('severity_id', 1, 6)
  const hasActor = isObject(from.look('actor.user'))
  return {
    ...objectOf({
      id: from.text('metadata.uid', 256) ?? from.text('metadata.original_event_uid', 256),
      time: timeLike(from.take('time')),
      observed_time: timeLike(from.take('metadata.logged_time')),
      action: actionOf(from),
      outcome: OUTCOMES.get(status ?? 0) ?? 'unknown',
      actor: person(from, hasActor ? 'actor.user' : 'user') ?? application(from),
      targets: targetsOf(from, hasActor),
      src: endpoint(from),
      http: request(from),
      params: from.take('api.request.data'),
      device: objectOf({
        id: from.text('device.uid', 256),
        managed: from.flag('device.is_managed'),
        compliant: from.flag('device.is_compliant'),
      }),
      auth: objectOf({
        method: from.text('auth_protocol', 128),
        mfa: from.flag('is_mfa') ?? from.flag('actor.session.is_mfa'),
        session_id: from.text('actor.session.uid', 256) ?? from.text('session.uid', 256),
      }),
      trace_id: from.text('metadata.trace_uid', 128),
      correlation_id: from.text('metadata.correlation_uid', 256),
      severity: SEVERITIES.get(severity ?? 0),
      service: objectOf({
        name: from.text('metadata.product.name', 256),
        version: from.text('metadata.product.version', 128),
      }),
      message: from.text('message', 65_536),
    }),
    ...objectOf({ extra: objectOf({ ocsf: from.rest() }) }),
  }
}

function actionOf(from: Picker): string {
  const operation = from.text('api.operation', 256)
  if (operation !== undefined) return operation
  const kind = from.peek('class_name') || from.peek('class_uid')
  const activity = from.peek('activity_name') || from.peek('activity_id') || 'unknown'
  return `ocsf.${word(kind)}.${word(activity)}`.slice(0, 256)
}

function word(text: string): string {
  return text.trim().toLowerCase().replace(/\s+/g, '_')
}

function person(from: Picker, at: string): JsonObject | undefined {
  const party = objectOf({
    id: from.text(`${at}.uid`, 512),
    name: from.text(`${at}.name`, 512),
    email: from.text(`${at}.email_addr`, 512),
  })
  // user.type_id 3 is the account of a system; 1 and 2 are people.
  return party && { ...party, type: from.look(`${at}.type_id`) === 3 ? 'system' : 'user' }
}

function application(from: Picker): JsonObject | undefined {
  const name = from.text('actor.app_uid', 512) ?? from.text('actor.app_name', 512)
  return name === undefined ? undefined : { id: name, type: 'service' }
}

function targetsOf(from: Picker, hasActor: boolean): JsonObject[] | undefined {
  const targets: JsonObject[] = []
  if (hasActor) {
    const user = objectOf({ id: from.text('user.uid', 512), name: from.text('user.name', 512) })
    if (user) targets.push({ ...user, type: 'user' })
  }
  const resources = from.look('resources')
  const all = Array.isArray(resources) ? resources : [from.look('resource')]
  for (const one of all) {
    if (!isObject(one)) continue
    const resource = new Picker(one)
    const target = objectOf({
      id: resource.text('uid', 512),
      type: resource.text('type', 64),
      name: resource.text('name', 512),
    })
    if (target && targets.length < 64) targets.push(target)
  }
  return targets.length > 0 ? targets : undefined
}

function endpoint(from: Picker): JsonObject | undefined {
  return objectOf({
    ip: from.text('src_endpoint.ip', 64),
    port: from.integer('src_endpoint.port', 0, 65_535),
    host: from.text('src_endpoint.hostname', 256),
    geo: objectOf({
      country: from.text('src_endpoint.location.country', 64),
      region: from.text('src_endpoint.location.region', 128),
      city: from.text('src_endpoint.location.city', 128),
    }),
  })
}

function request(from: Picker): JsonObject | undefined {
  return objectOf({
    method: from.text('http_request.http_method', 32),
    path: from.text('http_request.url.path', 4_096),
    query: from.text('http_request.url.query_string', 8_192),
    host: from.text('http_request.url.hostname', 256),
    user_agent: from.text('http_request.user_agent', 2_048),
    status: from.integer('http_response.code', 0, 999),
  })
}
