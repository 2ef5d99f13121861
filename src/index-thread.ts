// A thread for what indexes the logs: reading, decrypting and hashing what came in must not slow down taking it in.
import { Worker } from 'node:worker_threads'
import type { FollowObserver } from './audit/follow/observer.ts'
import type { IndexRequest, IndexTold } from './index-worker.ts'

export interface IndexThread {
  /** After the batches under way. */
  stop(): Promise<void>
}

/** Between the end of a thread that failed and the next one; milliseconds. */
const AGAIN_MS = 2_000
/** A thread that does not stop by itself is ended; milliseconds. */
const STOP_LIMIT_MS = 10_000

/**
 * Starts the thread, and another one whenever it fails.
 * @param report told of what goes wrong in it
 */
export function startIndexThread(
  request: IndexRequest,
  observer: FollowObserver,
  report: (error: unknown, log?: string) => void,
): IndexThread {
  let worker = begin()
  let again: ReturnType<typeof setTimeout> | undefined
  let stopping = false

  function begin(): Worker {
    const thread = newWorker(request)
    thread.on('message', (told: IndexTold) => {
      if (told.what === 'report') report(new IndexError(told.code, told.message), told.log)
      else if (told.what === 'failed') observer.failed(told.name, told.log, undefined)
      else observer[told.what](told.name, told.log, told.entries, told.seconds)
    })
    thread.on('error', (error) => report(error))
    thread.on('exit', () => {
      if (!stopping) again = setTimeout(() => (worker = begin()), AGAIN_MS)
    })
    return thread
  }

  return {
    async stop() {
      stopping = true
      clearTimeout(again)
      const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
      if (worker.threadId === -1) return
      worker.postMessage('stop')
      const limit = setTimeout(() => void worker.terminate(), STOP_LIMIT_MS)
      await ended
      clearTimeout(limit)
    },
  }
}

/** From its source the thread needs the loader that this program has, and a thread starts without any. */
function newWorker(workerData: IndexRequest): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./index-worker.js', import.meta.url), { workerData, execArgv: [] })
  }
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const script = JSON.stringify(new URL('./index-worker.ts', import.meta.url).href)
  const load = `import(${loader}).then(({ register }) => (register(), import(${script})))`
  return new Worker(load, { eval: true, workerData, execArgv: [] })
}

/** An error of the thread, as far as it can be told across. */
class IndexError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
