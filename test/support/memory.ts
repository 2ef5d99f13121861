import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { onTestFinished } from 'vitest'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes of the heap that something refers to: without a collection, garbage would count too, and how much of it is chance. */
export function heapInUse(): number {
  collect()
  return process.memoryUsage().heapUsed
}

/** Bytes of buffers, garbage included. */
export const buffersInUse = (): number => process.memoryUsage().arrayBuffers

/** Bytes of the whole process. */
export const memoryInUse = (): number => process.memoryUsage.rss()

/** Until the test has ended: what only weak references lead to is soon gone. */
export function keepCollecting(): void {
  const collecting = setInterval(collect, 20)
  onTestFinished(() => clearInterval(collecting))
}

/** Most bytes that `measured` grew by while `work` ran; garbage counts, so bounds have to be wide. */
export async function growthDuring(measured: () => number, work: () => Promise<void>): Promise<number> {
  collect()
  const before = measured()
  let most = before
  const watch = setInterval(() => (most = Math.max(most, measured())), 2)
  try {
    await work()
  } finally {
    clearInterval(watch)
  }
  return Math.max(most, measured()) - before
}
