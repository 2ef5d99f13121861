// The log's HTTP surface (DESIGN §7) and the shell that other rooms hang their routes into.
import { randomBytes } from 'node:crypto'
import { type Context, Hono } from 'hono'
import type { Keys } from '../access/keys.ts'
import { appendRoutes, type CheckEntries } from './append-routes.ts'
import { entryRoutes } from './entry-routes.ts'
import { HttpError } from './errors.ts'
import { keyRoutes } from './key-routes.ts'
import { lifecycleRoutes } from './lifecycle-routes.ts'
import { logListRoutes, type Listing } from './log-list-routes.ts'
import { logRoutes } from './log-routes.ts'
import { openApiOf } from './openapi.ts'
import { type OperationDeps, operationRoutes } from './operation-routes.ts'
import { preflight } from './preflight.ts'
import { type ProblemKinds, PROBLEMS } from './problem.ts'
import { proofRoutes } from './proof-routes.ts'
import { referenceRoutes } from './reference-routes.ts'
import { ACCESS, type GuardedRoute, guardRoutes } from './route-table.ts'
import { type AccessTable, type Route, routeName } from './route.ts'
import { type ServeDeps, serveRoute, surround } from './serve-route.ts'
import { tileRoutes } from './tile-routes.ts'

export interface AppDeps extends OperationDeps, Omit<ServeDeps, 'nextRequestId' | 'kinds'> {
  readonly keys: Keys
  /** What the list for witnesses says of every log. */
  readonly listing: Listing
  /** Of the program, for the reference page. */
  readonly version: string
  /** What may not be appended as bytes: what other rooms alone may write. */
  readonly checkEntries?: CheckEntries
  /** Routes of other rooms, each group with its own rows, and the kinds of problems that it brings. */
  readonly more?: readonly RouteGroup[]
}

export interface RouteGroup {
  readonly routes: readonly Route[]
  readonly access: AccessTable
  /** By code of a ProoflogError of the group's rooms; its `evidence` becomes members of the problem document. */
  readonly problems?: ProblemKinds
}

/** @throws Error when a route has no row in an access table, a row no route, or a problem no kind */
export function createApp(deps: AppDeps): Hono {
  const guarded = guardedRoutes(deps)
  const serving: ServeDeps = { ...deps, kinds: kindsOf(deps), nextRequestId: requestIds() }
  const app = new Hono()
  for (const { route, access } of guarded)
    app.on(route.method, route.path, serveRoute(route, access, serving))
  const refuse = surround({ method: 'any', path: 'none' }, serving, (c) => {
    const allow = allowedMethods(app, c)
    if (allow.length === 0) throw new HttpError('not_found', 'nothing is served at this path: see /docs')
    if (c.req.raw.method === 'OPTIONS') return preflight(allow)
    throw new HttpError('method_not_allowed', `served here are ${allow.join(', ')}`, { allow })
  })
  app.notFound(refuse)
  // No route gets here, since its errors are answered already; a fault in the shell itself gets the same answer.
  app.onError((error, c) =>
    surround({ method: 'any', path: 'none' }, serving, () => {
      throw error
    })(c),
  )
  return app
}

/** Every route served and who may use it. */
export function guardedRoutes(deps: AppDeps): GuardedRoute[] {
  const more = deps.more ?? []
  const kinds = kindsOf(deps)
  const routes: Route[] = [
    ...logRoutes(deps.logs),
    ...lifecycleRoutes(deps.logs),
    ...logListRoutes(deps.logs, deps.listing),
    ...tileRoutes(),
    ...appendRoutes(deps.stopping, deps.checkEntries),
    ...entryRoutes(),
    ...proofRoutes(),
    ...keyRoutes(deps.keys, deps.logs),
    ...operationRoutes(deps),
    ...more.flatMap((group) => group.routes),
    ...referenceRoutes(() => openApiOf(guarded, deps.version, kinds), kinds),
  ]
  const guarded = guardRoutes(routes, Object.assign({}, ACCESS, ...more.map((group) => group.access)))
  checkProblems(routes, kinds)
  return guarded
}

/** @throws Error when a group brings a code that has a meaning already */
function kindsOf({ more = [] }: Pick<AppDeps, 'more'>): ProblemKinds {
  const kinds: Record<string, ProblemKinds[string]> = { ...PROBLEMS }
  for (const [code, kind] of more.flatMap(({ problems = {} }) => Object.entries(problems))) {
    if (Object.hasOwn(kinds, code)) throw new Error(`problem ${code} is described twice`)
    kinds[code] = kind
  }
  return kinds
}

function checkProblems(routes: readonly Route[], kinds: ProblemKinds): void {
  for (const route of routes)
    for (const code of route.doc.problems ?? [])
      if (!Object.hasOwn(kinds, code)) throw new Error(`${routeName(route)} names an unknown problem ${code}`)
}

/** Asked of the router only when no route matched: a fallback route per path would cost every request its fast path. */
function allowedMethods(app: Hono, c: Context): string[] {
  const methods = ['GET', 'POST', 'PUT', 'DELETE'].filter(
    (method) => app.router.match(method, c.req.path)[0].length > 0,
  )
  if (methods.length === 0) return []
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS']
}

/** A random prefix per process and a count: unique without asking for randomness on every request. */
function requestIds(): () => string {
  const prefix = randomBytes(6).toString('hex')
  let count = 0
  return () => `${prefix}-${++count}`
}
