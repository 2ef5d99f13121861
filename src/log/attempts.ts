// What became of the attempts to publish: the status, the metrics, and which logs are tried again.
import { ProoflogError } from '../core/errors.ts'
import { LogError } from './errors.ts'
import type { Observer } from './observer.ts'
import type { StatusBoard } from './status.ts'
import type { LogInfo, Published } from './types.ts'

export interface Attempts {
  succeeded(info: LogInfo, published: Published | undefined): void
  failed(info: LogInfo, error: unknown): void
  /** A witness gave an alarm, perhaps during a later attempt, which says nothing about it. */
  alarmed(info: LogInfo, error: LogError): void
  /** Logs whose last attempt failed: to be tried again whether anything is due or not. */
  failing(): Iterable<number>
}

export function createAttempts(
  board: StatusBoard,
  observer: Observer,
  report: (error: unknown, log?: string) => void,
  onRecovered: (log: LogInfo) => void,
): Attempts {
  /** True: for another reason than that witnesses were missing. */
  const failing = new Map<number, boolean>()
  const alarms = new Set<number>()

  function failed(info: LogInfo, error: unknown): void {
    const missed = error instanceof LogError && error.code === 'quorum_missed'
    board.attempted(info.id, error)
    failing.set(info.id, failing.get(info.id) === true || !missed)
    if (missed) observer.quorum(info.name, 'missed')
    observer.publishFailed(info.name, error instanceof ProoflogError ? error.code : 'unexpected')
    report(error, info.name)
  }

  return {
    failed,
    alarmed(info, error) {
      alarms.add(info.id)
      failed(info, error)
    },
    succeeded(info, published) {
      if (published !== undefined) {
        observer.published(info.name, published.size, published.signedAt)
        observer.quorum(info.name, published.quorum)
      }
      if (alarms.delete(info.id)) return // the next attempt finds the guard halted, or cleared
      board.attempted(info.id, undefined)
      if (failing.get(info.id) === true) onRecovered(info)
      failing.delete(info.id)
    },
    failing: () => failing.keys(),
  }
}
