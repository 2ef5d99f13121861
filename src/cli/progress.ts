import type { Io } from './io.ts'

export interface Progress {
  /** @param total undefined when it is not known */
  update(done: number, total: number | undefined): void
  /** Takes the line away, so that what follows stands alone. */
  end(): void
}

const REDRAW_MS = 100
const LINE_MS = 5_000
const BAR_WIDTH = 30

/** A line that is redrawn for a person, or one line every five seconds for a log file. Nothing for what is done at once. */
export function createProgress(io: Io, what: string): Progress {
  const start = performance.now()
  let last = start
  let drawn = false
  return {
    update(done, total) {
      const now = performance.now()
      if (now - last < (io.errIsTty ? REDRAW_MS : LINE_MS)) return
      last = now
      drawn = io.errIsTty
      const line = describe(what, done, total, (now - start) / 1000)
      io.err(io.errIsTty ? `\r\u{1b}[K${line}` : `${line}\n`)
    },
    end() {
      if (drawn) io.err('\r\u{1b}[K')
      drawn = false
    },
  }
}

function describe(what: string, done: number, total: number | undefined, seconds: number): string {
  const rate = `${format(Math.round(done / seconds))}/s`
  if (total === undefined || total === 0) return `${format(done)} ${what}, ${rate}`
  const share = Math.min(done / total, 1)
  const bar = '#'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '.')
  return `[${bar}] ${Math.floor(share * 100)}%  ${format(done)} of ${format(total)} ${what}, ${rate}`
}

function format(count: number): string {
  return count.toLocaleString('en-US')
}
