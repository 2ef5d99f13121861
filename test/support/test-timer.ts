// A clock that stands still until a test moves it.
import type { Timer } from '../../src/witness/timer.ts'

export interface TestTimer extends Timer {
  /** Lets time pass; what is due runs, in its order. */
  advance(ms: number): void
  /** How many deadlines are set. */
  readonly pending: number
}

export function testTimer(): TestTimer {
  let now = 1_000_000
  const due = new Set<{ at: number; work: () => void }>()
  return {
    now: () => now,
    after(ms, work) {
      const entry = { at: now + ms, work }
      due.add(entry)
      return () => void due.delete(entry)
    },
    get pending() {
      return due.size
    },
    advance(ms) {
      const until = now + ms
      for (;;) {
        const [next] = [...due].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)
        if (next === undefined) break
        due.delete(next)
        now = next.at
        next.work()
      }
      now = until
    },
  }
}
