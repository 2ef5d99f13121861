import { LogError } from './errors.ts'
import type { LogInfo } from './types.ts'

/** Why a log takes no entries, by what it is. */
export function refusedAppend({ name, origin, mirrored, state, successor }: LogInfo): LogError | undefined {
  if (mirrored) {
    return new LogError(
      'log_mirrored',
      `log ${name} is a copy of ${origin}: append to the log that it copies`,
    )
  }
  if (state === 'draining') {
    return new LogError(
      'log_draining',
      `log ${name} is about to be frozen and takes no entries${elsewhere(successor)}`,
    )
  }
  if (state === 'frozen') {
    const evidence = successor === undefined ? {} : { successor }
    return new LogError(
      'log_frozen',
      `log ${name} is frozen and takes no entries${elsewhere(successor)}`,
      evidence,
    )
  }
  return undefined
}

function elsewhere(successor: string | undefined): string {
  return successor === undefined ? '' : `: append to its successor, ${successor}`
}
