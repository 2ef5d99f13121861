import { InvalidArgumentError } from 'commander'

/** For commander: a whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** For commander: a time such as 30s, 15m, 12h or 2d, in milliseconds; `min` and `max` in seconds. */
export function duration(min: number, max: number): (text: string) => number {
  return (text) => {
    const [, count, unit = ''] = /^(0|[1-9][0-9]{0,8})([smhd])$/.exec(text) ?? []
    const value = Number(count) * (UNITS[unit] ?? Number.NaN)
    if (value >= min * 1_000 && value <= max * 1_000) return value
    throw new InvalidArgumentError(`It must be a time such as 30s, 15m, 12h or 2d, from ${min}s to ${max}s.`)
  }
}
