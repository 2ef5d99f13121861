// A thread of this program that is begun again whenever it fails.
import { type Transferable, Worker } from 'node:worker_threads'

export interface KeptThread {
  /** Lost while there is no thread. */
  post(message: unknown, transfer?: readonly Transferable[]): void
  /** Once the thread has ended by itself: it is told `'stop'`. */
  stop(): Promise<void>
}

export interface ThreadEvents<Told> {
  readonly told: (message: Told) => void
  /** It ended: what it was told and did not answer is lost. */
  readonly lost?: () => void
  readonly report: (error: unknown) => void
}

/** Between the end of a thread that failed and the next one; milliseconds. */
const AGAIN_MS = 2_000
/** A thread that does not stop by itself is ended; milliseconds. */
const STOP_LIMIT_MS = 10_000

/**
 * Begins the thread. A system that has none to give is reported, and asked again.
 * @param script a file beside this one, without its ending
 * @param workerData what it is begun with, each time
 */
export function keepThread<Told>(
  script: string,
  workerData: unknown,
  { told, lost, report }: ThreadEvents<Told>,
): KeptThread {
  let worker: Worker | undefined
  let again: ReturnType<typeof setTimeout> | undefined
  let stopping = false
  begin()

  function begin(): void {
    try {
      worker = newWorker(script, workerData)
    } catch (error) {
      report(error) // the system has no thread for us: perhaps later
      again = setTimeout(begin, AGAIN_MS)
      return
    }
    worker.on('message', told)
    worker.on('error', report)
    worker.on('exit', () => {
      worker = undefined
      lost?.()
      if (!stopping) again = setTimeout(begin, AGAIN_MS)
    })
  }

  return {
    post: (message, transfer = []) => worker?.postMessage(message, transfer),
    async stop() {
      stopping = true
      clearTimeout(again)
      const ending = worker
      if (ending === undefined) return
      const ended = new Promise<void>((resolve) => ending.once('exit', () => resolve()))
      ending.postMessage('stop')
      const limit = setTimeout(() => void ending.terminate(), STOP_LIMIT_MS)
      await ended
      clearTimeout(limit)
    },
  }
}

/** From its source the thread needs the loader that this program has, and a thread starts without any. */
function newWorker(script: string, workerData: unknown): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL(`./${script}.js`, import.meta.url), { workerData, execArgv: [] })
  }
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const source = JSON.stringify(new URL(`./${script}.ts`, import.meta.url).href)
  const load = `import(${loader}).then(({ register }) => (register(), import(${source})))`
  return new Worker(load, { eval: true, workerData, execArgv: [] })
}
