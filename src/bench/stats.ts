// Figures of a row, and how they are printed.

/** One line of the benchmark. Milliseconds; `ratio` is of the ceiling named by `of`, measured in the same run. */
export interface Row {
  readonly name: string
  readonly rate: number | null
  readonly unit: string
  readonly p50_ms: number | null
  readonly p99_ms: number | null
  readonly ratio: number | null
  readonly of: string | null
  /** What the project asks of itself, for the reader; never decides a test. */
  readonly target: string
}

/** The q-th quantile of unsorted values, 0 <= q <= 1. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** One row as a line of a table for people. */
export function tableLine(row: Row): string {
  return [
    row.name.padEnd(26),
    `${figure(row.rate)} ${row.unit}`.padStart(20),
    `p50 ${figure(row.p50_ms)}`.padStart(12),
    `p99 ${figure(row.p99_ms)}`.padStart(12),
    row.ratio === null ? ''.padStart(10) : `${row.ratio.toFixed(2)} of`.padStart(10),
    (row.of ?? '').padEnd(34),
    row.target,
  ].join(' ')
}

function figure(value: number | null): string {
  if (value === null) return '-'
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2)
}
