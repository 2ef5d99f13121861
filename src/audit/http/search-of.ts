import { AuditError } from '../event/errors.ts'
import type { Search } from '../search/search.ts'
import type { AuditHttpDeps } from './deps.ts'

/** @throws AuditError `search_unavailable` when this process serves none */
export function searchOf({ search }: AuditHttpDeps): Search {
  if (search !== undefined) return search
  throw new AuditError(
    'search_unavailable',
    'this process serves no searches (PROOFLOG_SEARCH=off): ask another one',
  )
}
