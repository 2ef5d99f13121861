import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Io } from '../../src/cli/io.ts'
import { createProgress } from '../../src/cli/progress.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What is written while 1,000 things are done in 12 seconds. */
function written(errIsTty: boolean): string[] {
  const texts: string[] = []
  const io: Io = {
    env: {},
    stdin: (async function* () {})(),
    out: () => Promise.reject(new Error('progress is no result')),
    err: (text) => void texts.push(text),
    errIsTty,
    untilStopped: () => Promise.resolve(),
  }
  const progress = createProgress(io, 'entries')
  for (let done = 1; done <= 1_000; done++) {
    vi.advanceTimersByTime(12)
    progress.update(done, 1_000)
  }
  progress.end()
  return texts
}

test('a log file gets a whole line every five seconds', () => {
  const texts = written(false)
  expect(texts).toHaveLength(2)
  expect(texts[0]).toMatch(/^\[#+\.+\] 41% {2}417 of 1,000 entries, 83\/s\n$/)
})

test('a person gets one line that is redrawn, at most ten times a second, and taken away at the end', () => {
  const texts = written(true)
  expect(texts.length).toBeGreaterThan(80)
  expect(texts.length).toBeLessThanOrEqual(121)
  expect(texts.every((text) => text.startsWith('\r\u{1b}[K') && !text.includes('\n'))).toBe(true)
  expect(texts.at(-1)).toBe('\r\u{1b}[K')
})
