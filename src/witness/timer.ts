// Time, as the client needs it: a test puts a clock of its own here.

export interface Timer {
  /** Milliseconds from any fixed moment; never goes back. */
  now(): number
  /** Runs `work` once, after so many milliseconds, unless the function returned is called before. */
  after(ms: number, work: () => void): () => void
}

export const SYSTEM_TIMER: Timer = {
  now: () => performance.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms)
    return () => clearTimeout(timer)
  },
}
