// GitHub's audit log, as it is streamed and as its API gives it: flat, times in milliseconds, people by their login.
import type { JsonObject } from '../event/types.ts'
import { objectOf, Picker } from './pick.ts'
import { timeLike } from './time-like.ts'

/** What names a thing that was acted upon, and what kind of thing it is. `user` is a person. */
const TARGETS = ['user', 'repo', 'org', 'team', 'business', 'enterprise'] as const

/**
 * An event of GitHub's audit log: `_document_id` is its id, `@timestamp` (or `created_at`) its time, `actor` a login, whose
 * address is `actor_ip`. `user`, `repo`, `org`, `team` and `business` are targets. An API request has a status, and so an
 * outcome; other records do not say how it ended: unknown. Every other member stays under `extra`, by its own name.
 */
export function githubEvent(value: JsonObject): JsonObject {
  const from = new Picker(value)
  const targets = TARGETS.flatMap((type) => {
    const id = from.text(type, 512)
    return id === undefined ? [] : [{ type, id }]
  })
  const time = ['@timestamp', 'time', 'created_at'].find((name) => value[name] !== undefined)
  const status = from.integer('status_code', 100, 599)
  return {
    ...objectOf({
      id: from.text('_document_id', 256) ?? from.text('id', 256),
      time: time === undefined ? undefined : timeLike(from.take(time)),
      action: from.take('action'),
      outcome: from.take('outcome') ?? outcomeOf(status),
      actor: objectOf({
        id: from.text('actor', 512),
        type: value['actor'] === undefined ? undefined : actorType(from),
        email: from.text('external_identity_nameid', 512),
      }),
      targets: targets.length > 0 ? targets : undefined,
      src: objectOf({
        ip: from.text('actor_ip', 64),
        geo: objectOf({ country: from.text('actor_location.country_code', 64) }),
      }),
      // `api.request`, which only streaming has.
      http: objectOf({
        method: from.text('request_method', 32),
        path: from.text('url_path', 4_096),
        query: from.text('query_string', 8_192),
        status,
        user_agent: from.text('user_agent', 2_048),
      }),
      params: from.take('request_body'),
      auth: objectOf({
        method: from.text('programmatic_access_type', 128),
        token_id: from.text('hashed_token', 256),
      }),
      correlation_id: from.text('request_id', 256),
      message: from.text('message', 65_536),
      extra: from.rest(),
    }),
  }
}

function outcomeOf(status: number | undefined): string {
  if (status === undefined) return 'unknown'
  return status < 400 ? 'success' : 'failure'
}

function actorType(from: Picker): string {
  return from.flag('actor_is_bot') === true ? 'service' : 'user'
}
