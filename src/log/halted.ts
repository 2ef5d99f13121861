import { LogError } from './errors.ts'
import type { LogInfo } from './types.ts'

/** Signing stops, and says why, until an operator has put it right. */
export function halted(
  info: LogInfo,
  why: string,
  evidence: Readonly<Record<string, unknown>> = {},
  options?: ErrorOptions,
): LogError {
  return new LogError('log_halted', `log ${info.name} is not signed: ${why}`, evidence, options)
}

/**
 * The database contradicts what was signed. Entries appended to it would be lost when the right database is put back, so they
 * are refused meanwhile.
 */
export function contradicted(
  info: LogInfo,
  why: string,
  evidence: Readonly<Record<string, unknown>> = {},
  options?: ErrorOptions,
): LogError {
  return new LogError(
    'log_contradicted',
    `log ${info.name} is not signed and takes no entries: ${why}`,
    evidence,
    options,
  )
}
