// How far the search is, and making it anew from the log.
import { recordIntent } from '../../http/journal.ts'
import { readQuery } from '../../http/query.ts'
import { json } from '../../http/respond.ts'
import type { LogRoute } from '../../http/route.ts'
import type { Log } from '../../log/types.ts'
import type { AuditHttpDeps } from './deps.ts'
import { searchStatus } from './schemas.ts'
import { searchOf } from './search-of.ts'

export function searchRoutes(deps: AuditHttpDeps): LogRoute[] {
  const status = async (log: Log): Promise<Response> => {
    const { indexed, published, lagSeconds, rebuilding } = await searchOf(deps).status(log)
    return json({ indexed, published, lag_entries: published - indexed, lag_seconds: lagSeconds, rebuilding })
  }
  return [
    {
      method: 'GET',
      path: '/logs/:log/search',
      onLog: (c, log) => {
        readQuery(c, [])
        return status(log)
      },
      journal: 'none',
      doc: {
        tag: 'events out',
        summary: 'How far the search is',
        answers: { 'application/json': searchStatus },
      },
    },
    {
      method: 'POST',
      path: '/logs/:log/search/rebuild',
      onMeta: true,
      onLog: async (c, log) => {
        readQuery(c, [])
        await recordIntent(c)
        await searchOf(deps).rebuild(log)
        return status(log)
      },
      journal: 'record',
      doc: {
        tag: 'events out',
        summary: 'Make the search anew from the log',
        description:
          'Whatever it held is thrown away; searches find what is indexed again, and say how far that is.',
        answers: { 'application/json': searchStatus },
      },
    },
  ]
}
