// The log `_meta` is ours: clients read it with a scope of their own, and change nothing about it.
import type { Scope } from '../access/scopes.ts'
import { META_LOG } from '../core/log-name.ts'
import { HttpError } from './errors.ts'
import type { LogRoute, RouteAccess } from './route.ts'

/** What each scope of reading takes where it is `_meta` that is read. */
const READING: Readonly<Partial<Record<Scope, readonly Scope[]>>> = {
  'entries:read': ['meta:read'],
  'search:read': ['meta:read'],
  'meta:read': ['meta:read'],
  'export:create': ['export:create', 'meta:read'],
  'pii:reveal': ['pii:reveal', 'meta:read'],
}

/**
 * The scopes that a route takes on a log.
 * @throws HttpError `log_reserved` for what nobody may do to `_meta`
 */
export function scopesFor(
  { method, onMeta }: Pick<LogRoute, 'method' | 'onMeta'>,
  access: Exclude<RouteAccess, 'public'>,
  log: string | undefined,
): readonly Scope[] {
  const scope = access === 'entries:read unless public' ? 'entries:read' : access
  if (log !== META_LOG) return [scope]
  const reading = READING[scope]
  if (reading !== undefined) return reading
  if (method === 'GET' || onMeta) return [scope]
  throw reserved()
}

export function reserved(): HttpError {
  return new HttpError(
    'log_reserved',
    `log ${META_LOG} is written by the service itself: it can be read, and nothing else`,
  )
}
