// A thread for what indexes the logs: reading, decrypting and hashing what came in must not slow down taking it in.
import type { FollowObserver } from './audit/follow/observer.ts'
import type { IndexRequest, IndexTold } from './index-worker.ts'
import { keepThread } from './keep-thread.ts'

export interface IndexThread {
  /** After the batches under way. */
  stop(): Promise<void>
}

/**
 * Starts the thread, and another one whenever it fails.
 * @param report told of what goes wrong in it
 */
export function startIndexThread(
  request: IndexRequest,
  observer: FollowObserver,
  report: (error: unknown, log?: string) => void,
): IndexThread {
  return keepThread<IndexTold>('index-worker', request, {
    told(told) {
      if (told.what === 'report') report(new IndexError(told.code, told.message), told.log)
      else if (told.what === 'failed') observer.failed(told.name, told.log, undefined)
      else observer[told.what](told.name, told.log, told.entries, told.seconds)
    },
    report,
  })
}

/** An error of the thread, as far as it can be told across. */
class IndexError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
