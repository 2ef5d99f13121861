// How well a log does, worked out from what really happened: the state behind /readyz, `prooflog log show` and the level of
// the promise.
import { ProoflogError } from '../core/errors.ts'
import type { Cosigners } from './cosigners.ts'
import { LogError } from './errors.ts'
import type { Feed } from './feed.ts'
import type { Clock } from './ports.ts'
import type { LogInfo, LogProblem, LogStatus } from './types.ts'

export interface StatusBoard {
  of(info: LogInfo): LogStatus
  /** Why the log takes no entries at the moment, if it does not. */
  refusal(logId: number): LogError | undefined
  /** The last attempt to publish failed, or (undefined) did not. */
  attempted(logId: number, failure: unknown): void
}

/**
 * @param staleAfter milliseconds without a new signature after which a checkpoint is stale
 * @param concerns what others found wrong
 */
export function createStatusBoard(
  feed: Feed,
  clock: Clock,
  cosigners: Cosigners,
  staleAfter: number,
  concerns: (info: LogInfo) => readonly LogProblem[] = () => [],
): StatusBoard {
  const failures = new Map<number, LogProblem>()
  const refusals = new Map<number, LogError>()

  function problemsOf(info: LogInfo): LogProblem[] {
    const problems = [...concerns(info)]
    const newest = feed.newest(info.id)
    const failure = failures.get(info.id)
    if (failure !== undefined) problems.push(failure)
    const refused = feed.refused(info.id)
    if (refused !== undefined) problems.push({ code: 'checkpoint_invalid', message: refused.message })
    if (newest === undefined && refused === undefined) {
      problems.push({
        code: 'not_signed',
        message: `log ${info.name} has no checkpoint: no running process holds its keys`,
      })
    } else if (newest !== undefined) {
      const age = clock() - newest.signedAt
      if (age > staleAfter && info.state !== 'frozen') {
        problems.push({
          code: 'stale',
          message: `the newest checkpoint of log ${info.name} is ${Math.round(age / 1000)} s old: nobody signs it`,
        })
      }
    }
    return problems
  }

  return {
    of(info) {
      const problems = problemsOf(info)
      try {
        const { quorum, witnesses } = cosigners.review(info, feed.newest(info.id)?.note)
        const level = quorum === 'met' ? 'witnessed' : 'tamper-evident'
        return { level: problems.length === 0 ? level : 'tamper-detecting', problems, quorum, witnesses }
      } catch (error) {
        const problem = problemOf(error)
        if (!problems.some(({ message }) => message === problem.message)) problems.push(problem)
        return { level: 'tamper-detecting', problems, quorum: 'missed', witnesses: [] }
      }
    },
    refusal: (logId) => refusals.get(logId),
    attempted(logId, failure) {
      refusals.delete(logId)
      failures.delete(logId)
      if (failure === undefined) return
      if (failure instanceof LogError && failure.code === 'log_contradicted') refusals.set(logId, failure)
      failures.set(logId, problemOf(failure))
    },
  }
}

function problemOf(failure: unknown): LogProblem {
  if (!(failure instanceof ProoflogError)) {
    return { code: 'halted', message: 'publishing failed: see the log of the service' }
  }
  const { code, message } = failure
  return { code: code === 'quorum_missed' || code === 'policy_invalid' ? code : 'halted', message }
}
