// Waiting, within a request, until a checkpoint covers what it appended.
import type { Context } from 'hono'
import { LogError } from '../log/errors.ts'
import type { Appended, Log, Published } from '../log/types.ts'
import { withinTime } from '../time/within-time.ts'
import { HttpError } from './errors.ts'
import { invalid, numberOf, type Query } from './query.ts'

const MAX_WAIT_SECONDS = 60

/** `limit` in milliseconds. */
export interface Wait {
  readonly until: 'published' | 'witnessed'
  readonly limit: number
}

/** Undefined when the commit is all that was asked for. @throws HttpError `invalid_parameter` */
export function readWait(
  { wait = 'committed', timeout }: Query<'wait' | 'timeout'>,
  log: Log,
): Wait | undefined {
  if (wait !== 'committed' && wait !== 'published' && wait !== 'witnessed')
    throw invalid('wait must be committed, published or witnessed')
  if (wait === 'witnessed' && !log.policy().quorum)
    throw invalid(
      'wait=witnessed is not available: no cosignatures are asked for this log; use wait=published',
    )
  const seconds = numberOf('timeout', timeout, { min: 1, max: MAX_WAIT_SECONDS, fallback: 10 })
  return wait === 'committed' ? undefined : { until: wait, limit: seconds * 1000 }
}

/**
 * A checkpoint that covers all of them.
 * @param options.receipt what was stored, for whom the wait was too long
 * @throws HttpError `wait_timeout`
 */
export async function waitFor(
  c: Context,
  { until, limit }: Wait,
  log: Log,
  appended: readonly Pick<Appended, 'index'>[],
  { receipt, stopping }: { receipt: object; stopping: AbortSignal },
): Promise<Published> {
  const last = appended.reduce((max, { index }) => Math.max(max, index), 0)
  try {
    return await withinTime(limit, [stopping, c.req.raw.signal], (signal) =>
      until === 'witnessed' ? log.waitWitnessed(last, signal) : log.waitPublished(last, signal),
    )
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'wait_timeout') throw error
    const detail =
      'the entries are stored, see receipt; only the wait for a checkpoint ended: ask for a proof later, do not send them again'
    throw new HttpError('wait_timeout', detail, { receipt })
  }
}
