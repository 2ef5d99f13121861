// One place that turns what the driver throws into what the engine understands.
import postgres from 'postgres'
import { ProoflogError } from '../core/errors.ts'
import { driverError } from '../db/driver-error.ts'
import { LogError } from '../log/errors.ts'

/** SQLSTATE of a duplicate key. */
export const UNIQUE_VIOLATION = '23505'

/** SQLSTATE of log.refuse_rewind for a log that is frozen (drizzle/0004_lifecycle.sql). */
const FROZEN = 'PLF01'

/** The SQLSTATE, when it was the server that refused. */
export function sqlState(error: unknown): string | undefined {
  const cause = driverError(error)
  return cause instanceof postgres.PostgresError ? cause.code : undefined
}

/**
 * @param committing COMMIT (or a statement that commits by itself) was sent: unless the server itself refused it, nobody
 * knows whether it took effect
 */
export function storeError(error: unknown, committing = false): ProoflogError {
  if (error instanceof ProoflogError) return error
  const cause = driverError(error)
  const state = sqlState(error)
  if (state === FROZEN) {
    return new LogError('log_frozen', 'the log is frozen: it takes no entries any more', {}, { cause })
  }
  // Class 08 and 57P are the server's words for "the connection ends here": as silent on the outcome as a broken socket.
  const refused = state !== undefined && !/^(08|57P)/.test(state)
  if (committing && !refused) {
    return new LogError(
      'outcome_unknown',
      'the database was lost while committing: send the same bytes again; if they were stored, the answer is their index',
      {},
      { cause },
    )
  }
  const why = state === undefined ? codeOf(error) : `SQLSTATE ${state}`
  return new LogError(
    'store_unavailable',
    `the database did not answer (${why}); nothing was stored: try again`,
    {},
    { cause },
  )
}

/**
 * How long a caller waits for the database, in milliseconds: a little longer than the server's own limit for a statement,
 * which a frozen server or a broken network never applies.
 */
const DEADLINE = 75_000

/** @throws Error when `work` takes longer than any statement may */
export async function withinDeadline<T>(work: PromiseLike<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('no answer'), { code: 'NO_ANSWER' })), DEADLINE)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Runs one statement or read. @throws LogError `store_unavailable`, or `outcome_unknown` when it commits by itself */
export async function guarded<T>(work: () => PromiseLike<T>, committing = false): Promise<T> {
  try {
    return await withinDeadline(work())
  } catch (error) {
    throw storeError(error, committing)
  }
}

function codeOf(error: unknown): string {
  const cause = driverError(error)
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? code : 'no code'
}
