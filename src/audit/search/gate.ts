import { AuditError } from '../event/errors.ts'

/**
 * Lets so many in at once; those beyond are sent away instead of waiting for connections.
 * @throws AuditError `search_busy`
 */
export function createGate(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  let inside = 0
  return async (work) => {
    if (inside >= atOnce) {
      const message = `${atOnce} searches are running, as many as are allowed at once: try again in a second`
      throw new AuditError('search_busy', message, { at_once: atOnce })
    }
    inside++
    try {
      return await work()
    } finally {
      inside--
    }
  }
}
