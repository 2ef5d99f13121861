// A route is data: what it serves, how it is documented, what answers. Who may use it stands in an access table.
import type { Context } from 'hono'
import type { z } from 'zod'
import type { Scope } from '../access/scopes.ts'
import type { Log } from '../log/types.ts'
import type { ProblemCode } from './problem.ts'

/** `public`: everybody, keys are not looked at. `entries:read unless public`: everybody if the log is public. */
export type RouteAccess = 'public' | 'entries:read unless public' | Scope

/** `GET /logs/:log/checkpoint` -> who may. */
export type AccessTable = Readonly<Record<string, RouteAccess>>

export type Method = 'GET' | 'POST' | 'DELETE'

/** A route below `/logs/:log`: it is served the open log, after the key was checked. */
export interface LogRoute {
  readonly method: Method
  readonly path: `/logs/:log${string}`
  readonly doc: RouteDoc
  readonly onLog: (c: Context, log: Log) => Response | Promise<Response>
}

export interface SiteRoute {
  readonly method: Method
  readonly path: string
  readonly doc: RouteDoc
  readonly handle: (c: Context) => Response | Promise<Response>
}

export type Route = LogRoute | SiteRoute

/** What the reference page says that the route itself does not. */
export interface RouteDoc {
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly query?: z.ZodObject
  /** Request bodies by content type. */
  readonly body?: Readonly<Record<string, z.ZodType>>
  /** Answers of success by content type. */
  readonly answers: Readonly<Record<string, z.ZodType>>
  /** Status of success; 200 unless something is created. */
  readonly status?: 201
  /** Refusals beyond those of access, unknown logs and transient faults. */
  readonly problems?: readonly ProblemCode[]
}

/** `GET /logs/:log`, the key of the access table. */
export function routeName(route: Route): string {
  return `${route.method} ${route.path}`
}
