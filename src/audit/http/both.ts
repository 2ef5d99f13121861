// Agents know either one address for everything or a fixed path: an ingest route is served below its log and at the root.
import type { LogRoute } from '../../http/route.ts'

/** @param route with its path below the log, such as `/v1/logs` */
export function both(route: Omit<LogRoute, 'path'> & { readonly path: string }): LogRoute[] {
  return [
    { ...route, path: `/logs/:log${route.path}` },
    { ...route, path: route.path },
  ]
}
