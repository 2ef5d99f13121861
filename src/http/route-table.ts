// Who may use what. The only place: a route without a row, or a row without a route, stops the program at its start.
import { type AccessTable, type Route, type RouteAccess, routeName } from './route.ts'

/** The log's own routes. Checkpoints, hash tiles and all that follows from them are public; entries need a key unless the log is public. */
export const ACCESS: AccessTable = {
  'GET /logs': 'public',
  'GET /logs.v0': 'public',
  'POST /logs': 'logs:admin',
  'GET /logs/:log': 'public',
  'POST /logs/:log/keys': 'logs:admin',
  'DELETE /logs/:log/keys/:keyid': 'logs:admin',
  'POST /logs/:log/state': 'logs:admin',
  'GET /logs/:log/policy': 'public',
  'GET /logs/:log/checkpoint': 'public',
  'GET /logs/:log/tile/entries/:bundle{.+}': 'entries:read unless public',
  'GET /logs/:log/tile/:tile{.+}': 'public',
  'POST /logs/:log/add': 'entries:append',
  'POST /logs/:log/entries': 'entries:append',
  'GET /logs/:log/entries': 'entries:read unless public',
  'GET /logs/:log/entries/:index': 'entries:read unless public',
  'GET /logs/:log/entries/:index/proof': 'public',
  'GET /logs/:log/proofs/inclusion': 'public',
  'GET /logs/:log/proofs/consistency': 'public',
  'GET /logs/:log/proofs/subtree': 'public',
  'GET /logs/:log/sth': 'public',
  'GET /logs/:log/sths': 'public',
  'GET /keys': 'keys:write',
  'POST /keys': 'keys:write',
  'DELETE /keys/:id': 'keys:write',
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /metrics': 'public',
  'GET /openapi.json': 'public',
  'GET /docs': 'public',
}

/** A route together with its row. */
export interface GuardedRoute {
  readonly route: Route
  readonly access: RouteAccess
}

/** @throws Error naming every route without a row, row without a route, and route served twice */
export function guardRoutes(routes: readonly Route[], table: AccessTable): GuardedRoute[] {
  const names = routes.map(routeName)
  const faults = [
    ...names.filter((name, i) => names.indexOf(name) !== i).map((name) => `${name} is served twice`),
    ...Object.keys(table)
      .filter((row) => !names.includes(row))
      .map((row) => `row ${row} has no route`),
  ]
  const guarded: GuardedRoute[] = []
  for (const route of routes) {
    const access = Object.hasOwn(table, routeName(route)) ? table[routeName(route)] : undefined
    if (access === undefined) faults.push(`${routeName(route)} has no row in the access table`)
    else guarded.push({ route, access })
  }
  if (faults.length > 0) throw new Error(`the routes and the access table disagree: ${faults.join('; ')}`)
  return guarded
}
