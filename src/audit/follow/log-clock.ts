// When the log took an entry: `signed_at` of the first checkpoint that covers it. Public, signed, and the same whoever asks and
// whenever, so what is derived from it can be derived again.
import type { Log, Published } from '../../log/types.ts'

export interface LogClock {
  /**
   * POSIX milliseconds.
   * @param index below the published size
   * @throws LogError as Log.history
   */
  takenAt(index: number): Promise<number>
  /** The same, and up to which index (exclusive) it is the answer for those behind `index`, too. */
  takenUntil(index: number): Promise<{ readonly until: number; readonly at: number }>
}

type Point = Pick<Published, 'seq' | 'size' | 'signedAt'>

/** Checkpoints read at once. */
const PAGE = 256

/** Made for indexes that mostly grow: those of one page of checkpoints cost nothing. */
export function createLogClock(log: Pick<Log, 'history'>): LogClock {
  /** Ascending and without gaps in `seq`. */
  let page: readonly Point[] = []

  async function pageFrom(seq: number): Promise<Point[]> {
    const newestFirst = await log.history(PAGE, seq + PAGE)
    return newestFirst
      .filter((point) => point.seq >= seq)
      .map(({ seq: number, size, signedAt }) => ({ seq: number, size, signedAt }))
      .toReversed()
  }

  /** The first checkpoint that covers `index`, if this page can tell. */
  function known(index: number): Point | undefined {
    const [first] = page
    if (first === undefined || (first.seq > 0 && first.size > index)) return undefined
    return page.find(({ size }) => size > index)
  }

  /** By halves: the greatest `seq` that does not cover `index`, or 0. */
  async function seek(index: number): Promise<number> {
    const [newest] = await log.history(1)
    let [low, high] = [0, newest?.seq ?? 0]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      const [point] = await log.history(1, middle + 1)
      if (point === undefined || point.size <= index) low = middle
      else high = middle
    }
    return low
  }

  async function covering(index: number): Promise<Point> {
    const now = known(index)
    if (now !== undefined) return now
    const last = page.at(-1)
    if (last !== undefined && last.size <= index) page = await pageFrom(last.seq)
    const soon = known(index)
    if (soon !== undefined) return soon
    page = await pageFrom(await seek(index))
    const found = known(index)
    if (found === undefined) throw new RangeError(`no checkpoint covers index ${index} yet`)
    return found
  }

  return {
    takenAt: async (index) => (await covering(index)).signedAt,
    async takenUntil(index) {
      const { size, signedAt } = await covering(index)
      return { until: size, at: signedAt }
    },
  }
}
