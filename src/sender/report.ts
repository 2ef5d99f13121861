// Everything that goes wrong is said once, in one place, and never by an exception nobody hears.
import { reasonOf } from './errors.ts'
import type { Problem, ProblemCode, SenderStatus } from './types.ts'

export type Report = (code: ProblemCode, message: string, evidence?: Problem['evidence']) => void

export interface Reporter {
  readonly report: Report
  /** Counts an event that was not recorded; reported at once, and then at most once a second, with the count. */
  dropped(reason: string): void
  readonly droppedCount: number
  readonly last: SenderStatus['lastError']
  /** The log acknowledged something: what was wrong before is history. */
  clear(): void
  /** Reports what is left to be counted. */
  close(): void
}

const DROPPED_PAUSE = 1_000

export function createReporter(onProblem: ((problem: Problem) => void) | undefined): Reporter {
  let last: SenderStatus['lastError']
  let total = 0
  let unreported = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const report: Report = (code, message, evidence = {}) => {
    const problem = { code, message, evidence }
    last = { ...problem, at: new Date().toISOString() }
    if (onProblem === undefined) return warn(problem)
    try {
      onProblem(problem)
    } catch (error) {
      warn(problem)
      warn({ code: 'callback_failed', message: `onProblem has thrown: ${reasonOf(error)}`, evidence: {} })
    }
  }
  const flush = (reason: string): void => {
    timer = undefined
    if (unreported === 0) return
    const count = unreported
    unreported = 0
    report('dropped', `${count} events were not recorded: ${reason}`, { count, total })
    timer = setTimeout(flush, DROPPED_PAUSE, reason).unref()
  }
  return {
    report,
    dropped(reason) {
      total++
      unreported++
      if (timer === undefined) flush(reason)
    },
    get droppedCount() {
      return total
    },
    get last() {
      return last
    },
    clear() {
      last = undefined
    },
    close() {
      clearTimeout(timer)
      flush('see the report before')
      clearTimeout(timer)
    },
  }
}

function warn({ code, message }: Problem): void {
  process.emitWarning(message, { type: 'ProoflogWarning', code })
}
