// Which entries, briefly.

/** First and last index, both inclusive. */
export type Range = readonly [first: number, last: number]

/** Ranges that a list may have: it stands in an entry. */
const MAX_RANGES = 256

/**
 * The ranges that cover `indexes`, which ascend. When there are too many, those with the smallest gaps between them become one:
 * what is covered is then more than what is meant, never less.
 */
export function rangesOf(indexes: readonly number[]): Range[] {
  for (let gap = 1; ; gap *= 2) {
    const ranges = withGaps(indexes, gap)
    if (ranges.length <= MAX_RANGES) return ranges
  }
}

function withGaps(indexes: readonly number[], gap: number): Range[] {
  const ranges: [number, number][] = []
  for (const index of indexes) {
    const last = ranges.at(-1)
    if (last !== undefined && index - last[1] <= gap) last[1] = index
    else ranges.push([index, index])
  }
  return ranges
}
