import type { Breathe } from './ports.ts'

/** Work that may be done at once before anybody has to wait for it, in seconds of the rate. */
const BURST = 0.25

/**
 * Lets through so many entries a second: who is early sleeps. What was not used for a while is not made up for.
 * @param signal ends all sleep
 */
export function createPace(rate: number, signal: AbortSignal): Breathe {
  let due = performance.now()
  return async (entries) => {
    const now = performance.now()
    due = Math.max(due, now - 1000 * BURST) + (1000 * entries) / rate
    const early = due - now
    await (early > 1 ? sleep(early, signal) : new Promise(setImmediate))
  }
}

/** For whoever wants the work done as fast as it can be: a turn of the event loop every few milliseconds. */
export function createFullSpeed(): Breathe {
  let last = performance.now()
  return async () => {
    if (performance.now() - last < 5) return
    await new Promise(setImmediate)
    last = performance.now()
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
  })
}
