// Whatever the database refuses here is not the caller's fault.
import { ProoflogError } from '../../core/errors.ts'
import { driverError } from '../../db/driver-error.ts'
import { sqlState, withinDeadline } from '../../store/errors.ts'
import { AuditError } from '../event/errors.ts'

/** Runs statements. @throws AuditError `vault_unavailable`, with the driver's error as its cause; what is a ProoflogError as it is */
export async function available<T>(work: () => PromiseLike<T>): Promise<T> {
  try {
    return await withinDeadline(work())
  } catch (cause) {
    if (cause instanceof ProoflogError) throw cause
    const state = sqlState(cause)
    throw new AuditError(
      'vault_unavailable',
      `the database of the vault does not answer${state === undefined ? '' : ` (SQLSTATE ${state})`}: try again`,
      {},
      { cause: driverError(cause) },
    )
  }
}
