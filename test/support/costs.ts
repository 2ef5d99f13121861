/** Microseconds of the processor; what else the machine does only adds to them, so the least of several counts. */
function costOf(work: () => void): number {
  const costs = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return user + system
  })
  return Math.min(...costs)
}

/** Below this costs are mostly chance; microseconds. */
const NOISE = 10_000

/**
 * How many times more four times as much costs: about 4, and 16 where the work is quadratic. Of a size at which that takes
 * seconds.
 */
export function growthOfCost(size: number, work: (size: number) => void): number {
  work(size)
  const [quarter = 0, whole = 0] = [size / 4, size].map((each) => costOf(() => work(each)))
  return whole / (quarter + NOISE)
}
