import { expect, test } from 'vitest'
import { withinTime } from '../../src/time/within-time.ts'
import { keepCollecting } from '../support/memory.ts'

const LONG = 60_000

/** Ends when its signal does, with its reason. */
function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(new Error(String(signal.reason)))
    if (signal.aborted) end()
    signal.addEventListener('abort', end)
  })
}

test('work ends with its time, whatever garbage was collected meanwhile', async () => {
  keepCollecting()
  const { signal } = new AbortController()
  await expect(withinTime(200, [signal], forever)).rejects.toThrow('no answer within 200 ms')
})

test('it ends with whichever signal ends, for its reason, at once when that was before', async () => {
  const [one, other] = [new AbortController(), new AbortController()]
  const working = withinTime(LONG, [one.signal, other.signal], forever)
  other.abort(new Error('enough'))
  await expect(working).rejects.toThrow('enough')
  await expect(withinTime(LONG, [one.signal, other.signal], forever)).rejects.toThrow('enough')
})

test('what it gives is what the work gives, and nothing is left on the signals', async () => {
  const { signal } = new AbortController()
  const listening = new Set<unknown>()
  signal.addEventListener = (...args: unknown[]) => void listening.add(args[1])
  signal.removeEventListener = (...args: unknown[]) => void listening.delete(args[1])
  let during = 0
  const work = async () => {
    during = listening.size
    return 'done'
  }
  await expect(withinTime(LONG, [signal], work)).resolves.toBe('done')
  expect([during, listening.size]).toEqual([1, 0])
})
