// How well a log does, worked out from what really happened: the state behind /readyz, `prooflog log show` and the level of
// the promise.
import { parseCheckpoint } from '../core/checkpoint.ts'
import { ProoflogError } from '../core/errors.ts'
import { openNote } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import { LogError } from './errors.ts'
import type { Feed } from './feed.ts'
import type { Clock } from './ports.ts'
import type { LogInfo, LogProblem, LogStatus, Published } from './types.ts'

export interface StatusBoard {
  of(info: LogInfo): LogStatus
  /** Why the log takes no entries at the moment, if it does not. */
  refusal(logId: number): LogError | undefined
  /** The last attempt to publish failed, or (undefined) did not. */
  attempted(logId: number, failure: unknown): void
}

/** @param staleAfter milliseconds without a new signature after which a checkpoint is stale */
export function createStatusBoard(feed: Feed, clock: Clock, staleAfter: number): StatusBoard {
  const failures = new Map<number, LogProblem>()
  const refusals = new Map<number, LogError>()
  const verified = new Map<number, number>()

  function checkpointProblem(info: LogInfo, newest: Published): LogProblem | undefined {
    if (verified.get(info.id) === newest.seq) return undefined
    try {
      const { note } = openNote(newest.note, info.vkeys.map(verifierOf))
      const { origin, size } = parseCheckpoint(note.text)
      if (origin !== info.origin || size !== newest.size) throw new RangeError(`it says ${origin} ${size}`)
      verified.set(info.id, newest.seq)
      return undefined
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return {
        code: 'checkpoint_invalid',
        message: `the newest checkpoint of log ${info.name} (seq ${newest.seq}) does not verify: ${why}`,
      }
    }
  }

  return {
    of(info) {
      const problems: LogProblem[] = []
      const newest = feed.newest(info.id)
      const failure = failures.get(info.id)
      if (failure !== undefined) problems.push(failure)
      if (newest === undefined) {
        problems.push({
          code: 'not_signed',
          message: `log ${info.name} has no checkpoint: no running process holds its keys`,
        })
      } else {
        const invalid = checkpointProblem(info, newest)
        if (invalid !== undefined) problems.push(invalid)
        const age = clock() - newest.signedAt
        if (age > staleAfter) {
          problems.push({
            code: 'stale',
            message: `the newest checkpoint of log ${info.name} is ${Math.round(age / 1000)} s old: nobody signs it`,
          })
        }
      }
      return { level: problems.length === 0 ? 'tamper-evident' : 'tamper-detecting', problems }
    },
    refusal: (logId) => refusals.get(logId),
    attempted(logId, failure) {
      refusals.delete(logId)
      failures.delete(logId)
      if (failure === undefined) return
      if (failure instanceof LogError && failure.code === 'log_contradicted') refusals.set(logId, failure)
      const known = failure instanceof ProoflogError
      failures.set(logId, {
        code: 'halted',
        message: known ? failure.message : 'publishing failed: see the log of the service',
      })
    },
  }
}
