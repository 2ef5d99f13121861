// An Event of audit.k8s.io/v1 as ours.
import { type Json, type JsonObject, MAX_EVENT_SIZE } from '../event/types.ts'
import { isObject, objectOf, Picker, wordOf } from './pick.ts'

/** Resources whose objects are credentials, by `resource` or `resource/subresource`. */
const SECRET_RESOURCES = new Set(['secrets', 'tokenreviews', 'serviceaccounts/token'])
const SECRET_KINDS = new Set(['Secret', 'SecretList', 'TokenReview', 'TokenRequest'])
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id'
/** Characters of both objects together, so that the event stays an event; the rest of it is small. */
const MAX_OBJECTS = MAX_EVENT_SIZE / 2

/**
 * - id `auditID/stage` (an `auditID` alone is one request, which has several stages), `correlation_id` the `auditID`
 * - time `stageTimestamp`; `requestReceivedTimestamp` stays under `extra`
 * - action `k8s.<resource>[.<subresource>].<verb>`, or `k8s.nonresource.<verb>` for a path such as /healthz
 * - outcome by `responseStatus.code`: failure from 400 on, success below, unknown without one (failure at the stage Panic)
 * - actor `user.username`: `system:serviceaccount:…` is a service, any other `system:…` a system, the rest are persons;
 *   `impersonatedUser` is whom it acted for (`actor.on_behalf_of`)
 * - target from `objectRef`: type `resource[.apiGroup]`, id `[namespace/]name`
 * - `src.ip`: the last of `sourceIPs`, the only one the API server saw itself; the others are hearsay, under `extra.forwarded_for`
 * - `http.path`, `query`, `status`, `user_agent`
 * - params `{requestObject, responseObject}`, if the cluster's audit policy has them. **Objects of secrets, token reviews and token
 *   requests are never kept**: a marker takes their place. So it does for objects beyond 128 KiB, with their size.
 * - everything else (level, stage, annotations, groups …) under `extra`
 */
export function k8sEvent(value: JsonObject): JsonObject {
  const from = new Picker(value)
  for (const name of ['kind', 'apiVersion']) from.take(name)
  const auditId = from.text('auditID', 200)
  const stage = from.look('stage')
  const addresses = addressesOf(from)
  return {
    ...objectOf({
      id: auditId === undefined || typeof stage !== 'string' ? undefined : `${auditId}/${stage}`,
      correlation_id: auditId,
      time: from.take('stageTimestamp'),
      action: actionOf(from),
      outcome: outcomeOf(from),
      actor: actorOf(from),
      params: objectsOf(from),
      targets: targetsOf(from),
      src: objectOf({ ip: addresses.at(-1) }),
      http: objectOf({
        ...splitUri(from),
        status: from.integer('responseStatus.code', 0, 999),
        user_agent: from.text('userAgent', 2_048),
      }),
      auth: objectOf({ token_id: tokenOf(from) }),
      extra: objectOf({
        ...from.rest(),
        forwarded_for: addresses.length > 1 ? addresses.slice(0, -1) : undefined,
      }),
    }),
  }
}

function actionOf(from: Picker): string {
  const verb = from.peek('verb') || 'unknown'
  from.take('verb')
  const resource = from.peek('objectRef.resource') || 'nonresource'
  return ['k8s', resource, from.peek('objectRef.subresource'), verb].filter((part) => part !== '').join('.')
}

function outcomeOf(from: Picker): string {
  const code = from.look('responseStatus.code')
  if (typeof code === 'number' && code > 0) return code < 400 ? 'success' : 'failure'
  return from.look('stage') === 'Panic' ? 'failure' : 'unknown'
}

function actorOf(from: Picker): JsonObject | undefined {
  const user = identity(from, 'user.username')
  const other = identity(from, 'impersonatedUser.username')
  return user && other ? { ...user, on_behalf_of: other } : (user ?? other)
}

function identity(from: Picker, path: string): JsonObject | undefined {
  const id = from.text(path, 512)
  if (id === undefined) return undefined
  if (id.startsWith('system:serviceaccount:')) return { id, type: 'service' }
  return { id, type: id.startsWith('system:') ? 'system' : 'user' }
}

function targetsOf(from: Picker): JsonObject[] | undefined {
  const resource = from.look('objectRef.resource')
  if (typeof resource !== 'string' || resource.length === 0) return undefined
  const group = from.look('objectRef.apiGroup')
  // The object of a create has its name in the answer only, when the server makes it up.
  const name = from.text('objectRef.name', 250) ?? textIn(from.look('responseObject'), 'metadata', 'name')
  const namespace = from.look('objectRef.namespace')
  const type =
    resource === 'users' ? 'user' : typeof group === 'string' && group ? `${resource}.${group}` : resource
  if (type.length > 64) return undefined
  const id = name === undefined || typeof namespace !== 'string' || !namespace ? name : `${namespace}/${name}`
  return [{ type, ...(id === undefined ? {} : { id }) }]
}

/** Empty, and left where they are, when the last one is no address to us. */
function addressesOf(from: Picker): readonly string[] {
  const ips = from.look('sourceIPs')
  if (!Array.isArray(ips) || !ips.every((ip) => typeof ip === 'string')) return []
  const last = ips.at(-1) ?? ''
  if (last.length === 0 || last.length > 64) return []
  from.take('sourceIPs')
  return ips
}

function splitUri(from: Picker): JsonObject {
  const uri = from.look('requestURI')
  if (typeof uri !== 'string') return {}
  const mark = uri.indexOf('?')
  const path = mark < 0 ? uri : uri.slice(0, mark)
  const query = mark < 0 ? '' : uri.slice(mark + 1)
  if (path.length === 0 || path.length > 4_096 || query.length > 8_192) return {}
  from.take('requestURI')
  return query.length > 0 ? { path, query } : { path }
}

function tokenOf(from: Picker): string | undefined {
  const extra = from.look('user.extra')
  const ids = isObject(extra) ? extra[CREDENTIAL_ID] : undefined
  const id = Array.isArray(ids) ? ids[0] : undefined
  return typeof id === 'string' && id.length > 0 && id.length <= 256 ? id : undefined
}

function objectsOf(from: Picker): JsonObject | undefined {
  const request = from.take('requestObject')
  const response = from.take('responseObject')
  if (request === undefined && response === undefined) return undefined
  const secret = isSecretResource(from) || isSecret(request) || isSecret(response)
  const size = JSON.stringify([request, response]).length
  const shown = (object: Json | undefined): Json | undefined => {
    if (object === undefined) return undefined
    if (secret) return { left_out: 'secret' }
    return size > MAX_OBJECTS ? { left_out: 'too large', size: JSON.stringify(object).length } : object
  }
  return objectOf({ requestObject: shown(request), responseObject: shown(response) })
}

function isSecretResource(from: Picker): boolean {
  const resource = from.peek('objectRef.resource')
  return (
    SECRET_RESOURCES.has(resource) ||
    SECRET_RESOURCES.has(`${resource}/${from.peek('objectRef.subresource')}`)
  )
}

function isSecret(object: Json | undefined): boolean {
  return isObject(object) && SECRET_KINDS.has(wordOf(object['kind']))
}

function textIn(value: Json | undefined, ...path: readonly string[]): string | undefined {
  let at = value
  for (const name of path) at = isObject(at) ? at[name] : undefined
  return typeof at === 'string' && at.length > 0 && at.length <= 250 ? at : undefined
}
