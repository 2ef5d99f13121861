// What is remembered of one witness of one log between its checkpoints: what it cosigned, whether it answers, when to ask again.
import type { WitnessState } from '../log/types.ts'
import type { LastCosigned, Outcome } from './ask-witness.ts'
import type { Timer } from './timer.ts'

/** Milliseconds to leave a witness alone after its first failure; twice as long after each further one. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 60_000
/** What a witness may ask for at most. */
const LONGEST_RETRY_AFTER = 600_000

export interface Contact {
  readonly last: LastCosigned
  /** Why its last answer was none, or not a good one. */
  readonly failure: WitnessState['failure']
  /** From when on it may be asked (Timer); later than now while it is slow or was left alone. */
  readonly notBefore: number
  /**
   * Asks it after the request under way, or not at all if another one comes to wait meanwhile.
   * @returns undefined when it was not asked
   */
  inTurn(work: () => Promise<Outcome | undefined>): Promise<Outcome | undefined>
  /** It did not answer in time; `until` (Timer) it is not worth waiting for, unless it answers. */
  overdue(message: string, until: number): void
}

export function createContact(timer: Timer): Contact {
  const last: LastCosigned = { size: 0, sure: false }
  let failure: WitnessState['failure']
  let failures = 0
  let pausedUntil = -Infinity
  let overdueUntil = -Infinity
  let underWay: Promise<unknown> = Promise.resolve()
  let newest = 0

  function learn(outcome: Outcome): void {
    overdueUntil = -Infinity
    if (outcome.kind === 'cosigned') {
      failure = undefined
      failures = 0
      pausedUntil = -Infinity
      return
    }
    failure =
      outcome.kind === 'alarm'
        ? { reason: 'other_history', message: outcome.message }
        : { reason: outcome.reason, message: outcome.message }
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures, 10))
    const asked = outcome.kind === 'failed' ? (outcome.retryAfter ?? 0) : 0
    failures++
    pausedUntil = timer.now() + Math.max(pause, Math.min(asked, LONGEST_RETRY_AFTER))
  }

  return {
    last,
    get failure() {
      return failure
    },
    get notBefore() {
      return Math.max(pausedUntil, overdueUntil)
    },
    async inTurn(work) {
      const turn = ++newest
      await underWay
      if (turn !== newest) return undefined
      const asking = work()
      underWay = asking.catch(() => undefined)
      const outcome = await asking
      if (outcome !== undefined) learn(outcome)
      return outcome
    },
    overdue(message, until) {
      failure = { reason: 'timeout', message }
      overdueUntil = until
    },
  }
}
