// What surrounds every handler: the key is checked, the log opened, an error becomes a problem, the request is counted and logged.
import type { Context } from 'hono'
import type { Logger } from 'pino'
import type { KeyInfo, Keys } from '../access/keys.ts'
import { LogError } from '../log/errors.ts'
import type { Log, Logs } from '../log/types.ts'
import { authorize } from './auth.ts'
import { checkCanonicalPath } from './canonical-path.ts'
import { logRequest } from './log-requests.ts'
import type { Metrics } from './metrics.ts'
import { problemResponse } from './problem.ts'
import type { LogRoute, Route, RouteAccess } from './route.ts'

export interface ServeDeps {
  readonly logs: Logs
  readonly keys: Keys
  readonly metrics: Metrics
  readonly logger: Logger
  /** A short id, unlike any other. */
  readonly nextRequestId: () => string
}

const LOG_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** What is learnt on the way to the answer, for the request's line. */
interface Visit {
  log: string | undefined
  key: KeyInfo | undefined
}

/** The handler of a route. Never throws: an error is an answer. */
export function serveRoute(
  route: Route,
  access: RouteAccess,
  deps: ServeDeps,
): (c: Context) => Promise<Response> {
  return surround(route.method, route.path, deps, async (c, visit) => {
    if ('onLog' in route) return serveLog(c, route, access, deps, visit)
    if (access !== 'public') visit.key = await authorize(c, deps.keys, scopeOf(access), undefined)
    return route.handle(c)
  })
}

/**
 * Turns what `work` throws into a problem; counts and logs.
 * @param method @param route as metrics and log lines name it
 */
export function surround(
  method: string,
  route: string,
  { metrics, logger, nextRequestId }: ServeDeps,
  work: (c: Context, visit: Visit) => Response | Promise<Response>,
): (c: Context) => Promise<Response> {
  const count = metrics.httpRoute(method, route)
  return async (c) => {
    const started = performance.now()
    const visit: Visit = { log: undefined, key: undefined }
    let id: string | undefined
    let error: unknown
    let response: Response
    try {
      checkCanonicalPath(c)
      response = await work(c, visit)
    } catch (thrown) {
      error = thrown
      id = nextRequestId()
      response = problemResponse(thrown, id)
    }
    const { status } = response
    const milliseconds = performance.now() - started
    count(status, milliseconds / 1000)
    if (status >= 400 || logger.isLevelEnabled('debug')) {
      id ??= nextRequestId()
      logRequest(logger, {
        id,
        method,
        route,
        log: visit.log,
        key: visit.key?.id,
        status,
        milliseconds,
        error,
      })
    }
    return response
  }
}

async function serveLog(
  c: Context,
  route: LogRoute,
  access: RouteAccess,
  deps: ServeDeps,
  visit: Visit,
): Promise<Response> {
  const name = c.req.param('log') ?? ''
  // Nobody learns more about a log by asking without rights; that it exists is public (GET /logs).
  const asksKeyFirst = access !== 'public' && access !== 'entries:read unless public'
  if (asksKeyFirst) visit.key = await authorize(c, deps.keys, access, name)
  const log = await openLog(deps.logs, name)
  visit.log = log.info.name
  if (!asksKeyFirst && access !== 'public' && !log.info.public) {
    visit.key = await authorize(c, deps.keys, scopeOf(access), name)
  }
  return route.onLog(c, log)
}

/** What cannot be a name is not looked for. */
function openLog(logs: Logs, name: string): Promise<Log> {
  if (!LOG_NAME.test(name))
    throw new LogError('log_not_found', 'there is no log of this name: names are 1 to 63 of a-z, 0-9 and -')
  return logs.open(name)
}

function scopeOf(access: Exclude<RouteAccess, 'public'>) {
  return access === 'entries:read unless public' ? 'entries:read' : access
}
