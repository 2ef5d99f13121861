// An access as an event: who looked at what, from where, and what came of it.
import type { Principal } from '../../access/principal.ts'
import { encodeUtf8 } from '../../core/bytes.ts'
import type { Access, JournalAction } from '../../http/journal.ts'
import { incomingOf } from '../event/read-event.ts'
import { canonicalTime } from '../event/time.ts'
import type { Incoming, Json, JsonObject } from '../event/types.ts'
import { ownerOfSought, SOUGHT, splitAsked } from './asked.ts'

/** Equal accesses as one. Times are POSIX milliseconds. */
export interface Counted {
  readonly access: Access
  readonly count: number
  readonly from: number
  readonly until: number
  /** What was asked for, each once. */
  readonly details: readonly string[]
  /** Accesses whose details were not kept. */
  readonly unlisted: number
}

/** Characters of the JSON of one detail. */
const MOST_DETAIL = 4_096
/** OpenTelemetry severity numbers: informational, and a warning. */
const SEVERITY: Readonly<Record<JournalAction, number>> = {
  read: 9,
  search: 9,
  append: 9,
  export: 10,
  reveal: 10,
  admin: 10,
  denied: 13,
}

export function once(access: Access, now: number): Counted {
  return { access, count: 1, from: now, until: now, details: [detailText(access)], unlisted: 0 }
}

/** JSON of what was asked for; of a long one its beginning. */
export function detailText({ detail }: Access): string {
  const text = JSON.stringify(detail)
  return text.length <= MOST_DETAIL
    ? text
    : JSON.stringify({ cut: text.slice(0, MOST_DETAIL).replace(/[\uD800-\uDBFF]$/, '') })
}

/** With an id of its own, so that writing it again after a failure changes nothing. */
export function eventOf({ access, count, from, until, details, unlisted }: Counted): Incoming {
  const { action, route, log, principal, status, code, ip } = access
  const [method = '', path = ''] = route.split(' ')
  const event: JsonObject = {
    id: crypto.randomUUID(),
    time: new Date(from).toISOString(),
    action: `prooflog.${action}`,
    outcome: status === undefined ? 'unknown' : status < 400 ? 'success' : 'failure',
    ...(principal === undefined ? {} : { actor: actorOf(principal), auth: { method: principal.kind } }),
    ...(log === undefined ? {} : { targets: [{ type: 'log', id: log }] }),
    ...(ip === undefined ? {} : { src: { ip } }),
    http: { method, path, ...(status === undefined ? {} : { status }) },
    ...paramsOf(access, details),
    severity: SEVERITY[action],
    service: { name: 'prooflog' },
    extra: {
      count,
      ...(count > 1 ? { until: canonicalTime(new Date(until).toISOString()) } : {}),
      ...(code === undefined ? {} : { code }),
      ...(unlisted > 0 ? { unlisted } : {}),
    },
  }
  const incoming = incomingOf(event, 'internal', encodeUtf8(JSON.stringify(event)))
  return incoming.kind === 'raw'
    ? incoming
    : { ...incoming, owners: new Map([[SOUGHT, ownerOfSought(access)]]) }
}

/** A key is a thing; how it is called may be the name of a person, and is looked up by its id. */
function actorOf({ kind, id, name }: Principal): JsonObject {
  return kind === 'key' ? { type: 'service', id } : { type: 'user', id, name }
}

/**
 * Two members, whatever names the parameters had: each would be a field of its own. The same position in both is of one access.
 */
function paramsOf(access: Access, details: readonly string[]): { params?: Json } {
  const split = details
    .filter((text) => text !== '{}')
    .map((text) => splitAsked(access, JSON.parse(text) as JsonObject))
  if (split.length === 0) return {}
  const asked = split.map((one) => one.asked)
  const sought = split.map((one) => one.sought)
  const anybody = sought.some((one) => Object.keys(one).length > 0)
  return { params: anybody ? { asked, sought } : { asked } }
}
