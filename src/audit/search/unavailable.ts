// What the driver throws, as what a search may say.
import { ProoflogError } from '../../core/errors.ts'
import { sqlState, withinDeadline } from '../../store/errors.ts'
import { AuditError } from '../event/errors.ts'

const UNDEFINED_TABLE = '42P01'
const QUERY_CANCELED = '57014'

/**
 * Runs a search, once more when a rebuild took a table away under it.
 * @throws AuditError `search_unavailable`; whatever else `work` throws of ours
 */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await withinDeadline(work())
  } catch (error) {
    if (sqlState(error) !== UNDEFINED_TABLE) throw unavailable(error)
  }
  try {
    return await withinDeadline(work())
  } catch (error) {
    throw unavailable(error)
  }
}

function unavailable(error: unknown): ProoflogError {
  if (error instanceof ProoflogError) return error
  const message =
    sqlState(error) === QUERY_CANCELED
      ? 'the search took too long and was stopped: add a filter, or a shorter time'
      : 'the database did not answer the search: try again'
  return new AuditError('search_unavailable', message, {}, { cause: error })
}
