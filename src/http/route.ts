// A route is data: what it serves, how it is documented, what answers. Who may use it stands in an access table.
import type { Context } from 'hono'
import type { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import type { Scope } from '../access/scopes.ts'
import type { Log } from '../log/types.ts'
import type { Journalling, JournalRule } from './journal.ts'

/** `public`: everybody, keys are not looked at. `entries:read unless public`: everybody if the log is public. */
export type RouteAccess = 'public' | 'entries:read unless public' | Scope

/** `GET /logs/:log/checkpoint` -> who may. */
export type AccessTable = Readonly<Record<string, RouteAccess>>

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS'

interface RouteBase {
  readonly method: Method
  readonly doc: RouteDoc
  /**
   * The answer to a refusal, for senders that want one of their protocol's own; a problem document otherwise. The shell adds
   * `Retry-After` to a 429 or 503 and `WWW-Authenticate` to a 401.
   */
  readonly refuse?: (c: Context, refusal: Refusal) => Response | Promise<Response>
  /** The answer is made while it is sent: a read is under way until then. */
  readonly streams?: true
  /**
   * How requests are written to the journal; decided by access unless it is said here (journalled.ts). A function is asked
   * once the caller is known.
   */
  readonly journal?: Journalling | ((c: Context) => Journalling | JournalRule)
}

/**
 * A route of one log: its handler is served the open log, after the key was checked. The path names the log (`/logs/:log/…`),
 * or stands at the root for agents that know fixed paths only: then it is the only log that the key is bound to, or `default`.
 */
export interface LogRoute extends RouteBase {
  readonly path: string
  /** @param principal undefined where no key was needed */
  readonly onLog: (c: Context, log: Log, principal: Principal | undefined) => Response | Promise<Response>
  /** May be used on the log `_meta` too although it is no reading: it changes nothing that is in it. */
  readonly onMeta?: true
}

export interface SiteRoute extends RouteBase {
  readonly path: string
  readonly handle: (c: Context, principal: Principal | undefined) => Response | Promise<Response>
}

export type Route = LogRoute | SiteRoute

/** What is refused, and why. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  /** Seconds; of 429 and 503. */
  readonly retryAfter?: number
  readonly error: unknown
}

/** What the reference page says that the route itself does not. */
export interface RouteDoc {
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** What names in the path mean where the usual explanation does not fit. */
  readonly params?: Readonly<Record<string, string>>
  readonly query?: z.ZodObject
  /** Request bodies by content type. */
  readonly body?: Readonly<Record<string, z.ZodType>>
  /** Answers of success by content type. */
  readonly answers: Readonly<Record<string, z.ZodType>>
  /** Status of success; 200 unless something is created. */
  readonly status?: 200 | 201 | 202 | 204
  /** What is there already is not created again: the same answer, with 200. */
  readonly again?: true
  /** Codes of refusals beyond those of access, unknown logs and transient faults; an unknown one stops the program at its start. */
  readonly problems?: readonly string[]
}

/** `GET /logs/:log`, the key of the access table. */
export function routeName(route: Pick<Route, 'method' | 'path'>): string {
  return `${route.method} ${route.path}`
}
