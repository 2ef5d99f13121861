// Large requests take turns, the one that came first always first: its entries are on their way to the database while the next
// request is worked on. If all went on side by side they would be ready at the same moment, and the process and the database
// would wait for each other in turn.

export interface Turns {
  /** A place in the line: the later it is asked for, the further behind. */
  place(): number
  /** Resolves when it is the turn of that place, after whatever else the process has to do. Asked for anew after each piece of work. */
  next(place: number): Promise<void>
}

export function createTurns(): Turns {
  let places = 0
  const waiting = new Map<number, () => void>()

  function give(): void {
    const first = Math.min(...waiting.keys())
    const go = waiting.get(first)
    waiting.delete(first)
    go?.()
    if (waiting.size > 0) setImmediate(give)
  }

  return {
    place: () => places++,
    next: (place) =>
      new Promise((resolve) => {
        if (waiting.size === 0) setImmediate(give)
        waiting.set(place, resolve)
      }),
  }
}
