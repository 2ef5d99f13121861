// What surrounds every handler: the caller is known and may, the log is opened, an error becomes an answer, the request is
// counted, logged and, where it must be, written to the journal.
import type { Context } from 'hono'
import type { Logger } from 'pino'
import type { Principal } from '../access/principal.ts'
import type { RateLimiter } from '../access/rate-limit.ts'
import { DEFAULT_LOG, LOG_NAME } from '../core/log-name.ts'
import { LogError } from '../log/errors.ts'
import type { Log, Logs } from '../log/types.ts'
import { authenticate, authorize, type Credentials } from './auth.ts'
import { checkCanonicalPath } from './canonical-path.ts'
import { chargeTo } from './charge.ts'
import { type Journal, type JournalRule, recordIntentBy } from './journal.ts'
import { accessOf, journalRefusal, journalSuccess, ruleOf } from './journalled.ts'
import { logRequest } from './log-requests.ts'
import { scopesFor } from './meta-log.ts'
import type { Metrics } from './metrics.ts'
import { isForeseen, type ProblemKinds, problemResponse, refusalHeaders, refusalOf } from './problem.ts'
import type { LogRoute, Method, Route, RouteAccess } from './route.ts'
import { untilSent } from './until-sent.ts'

export interface ServeDeps extends Credentials {
  readonly logs: Logs
  /** Without it nobody is held back. */
  readonly limits?: RateLimiter | undefined
  /** Without it nothing is written down. */
  readonly journal?: Journal | undefined
  readonly metrics: Metrics
  readonly logger: Logger
  /** How errors are answered, those of groups of routes too. */
  readonly kinds: ProblemKinds
  /** A short id, unlike any other. */
  readonly nextRequestId: () => string
}

/** What is learnt on the way to the answer. */
interface Visit {
  log: string | undefined
  /** The log that was asked for, whether there is one or not. */
  asked: string | undefined
  principal: Principal | undefined
  rule: Required<JournalRule> | undefined
}

/** The route as metrics and log lines name it, and what it has to say to errors. */
type Surrounded = {
  readonly method: Method | 'any'
  readonly path: string
  readonly refuse?: Route['refuse']
}

/** The handler of a route. Never throws: an error is an answer. */
export function serveRoute(
  route: Route,
  access: RouteAccess,
  deps: ServeDeps,
): (c: Context) => Promise<Response> {
  const { journal } = deps
  const rule = ruleOf(route, access)
  const handle = handlerOf(route, access, deps)
  if (journal === undefined || access === 'public') return surround(route, deps, handle)
  return surround(
    route,
    deps,
    async (c, visit) => {
      let intended = false
      recordIntentBy(c, async () => {
        const outcome = { action: rule(c).action, status: undefined, code: undefined }
        await journal.record(accessOf(c, route, visitedOf(visit), outcome))
        intended = true
      })
      const response = await handle(c, visit)
      // What is open to everybody on this log is nobody's access.
      if (visit.principal === undefined || response.status >= 400) return response
      visit.rule = rule(c)
      const outcome = { action: visit.rule.action, status: response.status, code: undefined }
      try {
        await journalSuccess(journal, accessOf(c, route, visitedOf(visit), outcome), visit.rule, intended)
      } catch (error) {
        await response.body?.cancel() // nobody gets it, and it may hold something until it is read
        throw error
      }
      return response
    },
    (c, visit, status, code) => {
      const outcome = { action: (visit.rule ?? rule(c)).action, status, code }
      const known = visit.principal === undefined ? undefined : (visit.rule ?? rule(c))
      journalRefusal(journal, accessOf(c, route, visitedOf(visit), outcome), known)
    },
  )
}

function visitedOf({ log, asked, principal }: Visit) {
  return { log: log ?? (asked !== undefined && LOG_NAME.test(asked) ? asked : undefined), principal }
}

/**
 * Turns what `work` throws into an answer; counts and logs.
 * @param refused told of every answer from 400 on
 */
export function surround(
  { method, path, refuse }: Surrounded,
  deps: ServeDeps,
  work: (c: Context, visit: Visit) => Response | Promise<Response>,
  refused: (c: Context, visit: Visit, status: number, code: string | undefined) => void = () => {},
): (c: Context) => Promise<Response> {
  const { metrics, logger, nextRequestId, kinds } = deps
  const count = metrics.httpRoute(method, path)
  return async (c) => {
    const started = performance.now()
    const visit: Visit = { log: undefined, asked: undefined, principal: undefined, rule: undefined }
    let id: string | undefined
    let error: unknown
    let response: Response
    try {
      checkCanonicalPath(c)
      response = await work(c, visit)
    } catch (thrown) {
      error = thrown
      id = nextRequestId()
      response = await refusalResponse(c, thrown, { id, kinds, refuse })
    }
    const { status } = response
    const milliseconds = performance.now() - started
    count(status, milliseconds / 1000)
    if (status >= 400)
      refused(c, visit, status, error === undefined ? undefined : refusalOf(error, kinds).code)
    if (status >= 400 || logger.isLevelEnabled('debug')) {
      id ??= nextRequestId()
      const { log, principal } = visit
      const foreseen = isForeseen(error, kinds)
      logRequest(logger, {
        id,
        method,
        route: path,
        log,
        key: principal?.id,
        status,
        milliseconds,
        error,
        foreseen,
      })
    }
    return response
  }
}

/** In the route's own words if it has some. */
async function refusalResponse(
  c: Context,
  error: unknown,
  { id, kinds, refuse }: { id: string; kinds: ProblemKinds; refuse: Route['refuse'] },
): Promise<Response> {
  if (refuse === undefined) return problemResponse(error, id, kinds)
  try {
    const response = await refuse(c, refusalOf(error, kinds))
    for (const [name, value] of Object.entries(refusalHeaders(response.status, error, kinds)))
      response.headers.set(name, value)
    return response
  } catch {
    return problemResponse(error, id, kinds)
  }
}

function handlerOf(
  route: Route,
  access: RouteAccess,
  deps: ServeDeps,
): (c: Context, visit: Visit) => Response | Promise<Response> {
  if ('onLog' in route) return (c, visit) => serveLog(c, route, access, deps, visit)
  if (access === 'public') return (c) => route.handle(c, undefined)
  return async (c, visit) => {
    const scopes = scopesFor(route, access, undefined)
    visit.principal = await authenticate(c, deps, scopes[0] ?? 'keys:write')
    deps.limits?.take('read', visit.principal, 1)
    visit.principal = authorize(visit.principal, scopes, undefined)
    return route.handle(c, visit.principal)
  }
}

async function serveLog(
  c: Context,
  route: LogRoute,
  access: RouteAccess,
  deps: ServeDeps,
  visit: Visit,
): Promise<Response> {
  visit.asked = route.path.includes('/:log') ? (c.req.param('log') ?? '') : undefined
  if (access === 'public')
    return route.onLog(c, await openLog(deps, visit.asked ?? DEFAULT_LOG, visit), undefined)
  // Nobody learns more about a log by asking without rights; that it exists is public (GET /logs).
  if (access === 'entries:read unless public' && visit.asked !== undefined) {
    const log = await openLog(deps, visit.asked, visit)
    if (log.info.public) return reading(deps, route, () => route.onLog(c, log, undefined))
  }
  const appends = access === 'entries:append' || access === 'events:append'
  const principal = await authenticate(
    c,
    deps,
    access === 'entries:read unless public' ? 'entries:read' : access,
  )
  visit.principal = principal
  if (appends) deps.limits?.check('append', principal)
  else deps.limits?.take('read', principal, 1)
  visit.asked ??= ownLog(principal)
  const allowed = authorize(principal, scopesFor(route, access, visit.asked), visit.asked)
  visit.principal = allowed
  const log = await openLog(deps, visit.asked, visit)
  if (appends) return appending(c, deps, allowed, () => route.onLog(c, log, allowed))
  return reading(deps, route, () => route.onLog(c, log, allowed))
}

/** Of a route whose path names none. */
function ownLog({ logs }: Principal): string {
  return (logs?.length === 1 ? logs[0] : undefined) ?? DEFAULT_LOG
}

/** Charged by the handler, who knows how many events they are; and at least as one. */
async function appending(
  c: Context,
  { limits }: ServeDeps,
  principal: Principal,
  handle: () => Response | Promise<Response>,
): Promise<Response> {
  if (limits === undefined) return handle()
  let charged = false
  chargeTo(c, (events) => {
    charged = true
    limits.take('append', principal, events)
  })
  const response = await handle()
  if (!charged) limits.owe('append', principal, 1)
  return response
}

/** One of so many, until it is answered. */
async function reading(
  { limits }: ServeDeps,
  { streams }: LogRoute,
  handle: () => Response | Promise<Response>,
): Promise<Response> {
  if (limits === undefined) return handle()
  const leave = limits.enterRead()
  try {
    const response = await handle()
    if (streams) return untilSent(response, leave)
    leave()
    return response
  } catch (error) {
    leave()
    throw error
  }
}

/** What cannot be a name is not looked for. */
async function openLog({ logs }: ServeDeps, name: string, visit: Visit): Promise<Log> {
  if (!LOG_NAME.test(name))
    throw new LogError('log_not_found', 'there is no log of this name: names are 1 to 63 of a-z, 0-9 and -')
  const log = await logs.open(name)
  visit.log = log.info.name
  return log
}
