import { DrizzleQueryError } from 'drizzle-orm/errors'

/**
 * What the driver threw. The query builder wraps it, and writes all parameters into its message: nothing that a log may repeat, so
 * no error is given it as its cause.
 */
export function driverError(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error
}
