// A bound on how much is done at the same time.

export interface Slots {
  /** Runs `work` as soon as a slot is free, in the order of asking. */
  use<T>(work: () => Promise<T>): Promise<T>
  /** Within `use`: gives the slot to others while `work` runs, and takes one again. */
  without<T>(work: () => Promise<T>): Promise<T>
}

export function createSlots(count: number): Slots {
  let free = count
  const waiting: (() => void)[] = []

  async function take(): Promise<void> {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
  }

  function give(): void {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }

  return {
    async use(work) {
      await take()
      try {
        return await work()
      } finally {
        give()
      }
    },
    async without(work) {
      give()
      try {
        return await work()
      } finally {
        await take()
      }
    },
  }
}
