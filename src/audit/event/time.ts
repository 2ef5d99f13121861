// Times of events: RFC 3339 in UTC, with as many digits as were sent, down to nanoseconds. Never through Date or a database
// column: both would cut what was hashed.
import { UnreadableEvent } from './errors.ts'

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const EPOCH = /^(-?)(\d{1,20})(?:\.(\d+))?$/
const SECOND = 1_000_000_000n
const FIRST = -62_167_219_200n * SECOND // year 0
const LAST = 253_402_300_800n * SECOND // year 10000
/** Below this many of the larger unit, a number counts the larger unit: seconds until the year 5138. */
const UNITS: readonly (readonly [below: number, nanos: bigint])[] = [
  [1e11, SECOND],
  [1e14, 1_000_000n],
  [1e17, 1_000n],
  [Number.POSITIVE_INFINITY, 1n],
]

/**
 * The one spelling of a time: `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, the fraction of at most 9 digits without trailing zeros.
 * @param input RFC 3339, with any offset; or a number, also as decimal text, since 1970: of seconds, milliseconds, microseconds or
 * nanoseconds by its size
 * @throws UnreadableEvent `invalid_event`
 */
export function canonicalTime(input: string | number | bigint): string {
  if (typeof input === 'string') {
    if (isCanonicalIn(lastSecond, input)) return input
    const match = RFC_3339.exec(input)
    if (match) return match[8] === undefined ? inUtc(match) : timeOfNanos(nanosOfMatch(match))
  }
  return timeOfNanos(nanosOfEpoch(input))
}

/**
 * @param nanos since 1970
 * @throws UnreadableEvent `invalid_event` outside the years 0 to 9999
 */
export function timeOfNanos(nanos: bigint): string {
  if (nanos < FIRST || nanos >= LAST) throw noTime('it is outside the years 0 to 9999')
  const rest = Number(nanos % SECOND)
  const fraction = rest < 0 ? rest + 1e9 : rest
  const text = textOfSecond(Number(nanos / SECOND) - (rest < 0 ? 1 : 0))
  return fraction === 0 ? `${text}Z` : `${text}${fractionOf(String(fraction).padStart(9, '0'))}Z`
}

// Events of one batch are of the same few seconds.
let knownSecond = 0
let textOfKnown = '1970-01-01T00:00:00'

function textOfSecond(second: number): string {
  if (second !== knownSecond) {
    textOfKnown = new Date(second * 1_000).toISOString().slice(0, 19)
    knownSecond = second
  }
  return textOfKnown
}

/** `YYYY-MM-DDTHH:MM:SS` of the time that was read last, checked and as we spell it. */
let lastSecond = '1970-01-01T00:00:00'

/** Whether a time is of that second, and spelled as we do: for most it saves the expression and its match (0.6 µs). */
function isCanonicalIn(second: string, time: string): boolean {
  const end = time.length - 1
  if (end < 19 || end > 29 || time.charCodeAt(end) !== 0x5a || !time.startsWith(second)) return false
  if (end === 19) return true
  // A point, digits, and none of them a zero at the end.
  if (end === 20 || time.charCodeAt(19) !== 0x2e || time.charCodeAt(end - 1) === 0x30) return false
  for (let i = 20; i < end; i++) {
    const unit = time.charCodeAt(i)
    if (unit < 0x30 || unit > 0x39) return false
  }
  return true
}

/**
 * Nanoseconds since 1970 of an RFC 3339 time.
 * @throws UnreadableEvent `invalid_event`
 */
export function nanosOf(time: string): bigint {
  const match = RFC_3339.exec(time)
  if (match) return nanosOfMatch(match)
  throw noTime('it is not RFC 3339')
}

/** Without arithmetic: what most senders send is in UTC already. */
function inUtc(match: RegExpExecArray): string {
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = ''] = match
  if (second === '60') return timeOfNanos(nanosOfMatch(match))
  checkDate(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second))
  lastSecond = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  return `${lastSecond}${fractionOf(fraction)}Z`
}

function nanosOfMatch(match: RegExpExecArray): bigint {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  checkDate(year, month, day, hour, minute, second)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day) // Date.UTC takes the years 0 to 99 for 1900 to 1999
  date.setUTCHours(hour, minute, second)
  const [, , , , , , , fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] = match
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) throw noTime('its offset does not exist')
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === '-' ? -60 : 60)
  const nanos = (BigInt(date.getTime() / 1_000) - BigInt(offset)) * SECOND
  return nanos + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
}

function checkDate(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): void {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days =
    month === 2 ? (leap ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  // A leap second is RFC 3339; it becomes the second after it, as in POSIX.
  if (month < 1 || month > 12 || day < 1 || day > days || hour > 23 || minute > 59 || second > 60)
    throw noTime('there is no such day or time of day')
}

function nanosOfEpoch(input: string | number | bigint): bigint {
  const [, sign, whole = '', fraction = ''] = EPOCH.exec(decimalOf(input)) ?? []
  if (sign === undefined) throw noTime('it is neither RFC 3339 with an offset nor a number since 1970')
  const size = Number(whole)
  const unit = UNITS.find(([below]) => size < below)?.[1] ?? 1n
  const nanos = (BigInt(whole + fraction.slice(0, 9).padEnd(9, '0')) * unit) / SECOND
  return sign === '-' ? -nanos : nanos
}

/** A double as its shortest decimal: 1700000000.123 is meant, not the 17th digit of its binary neighbour. */
function decimalOf(input: string | number | bigint): string {
  return typeof input === 'number' && Math.abs(input) < 1e-6 ? input.toFixed(9) : String(input)
}

function fractionOf(digits: string): string {
  const fraction = digits.slice(0, 9).replace(/0+$/, '')
  return fraction === '' ? '' : `.${fraction}`
}

function noTime(why: string): UnreadableEvent {
  return new UnreadableEvent('invalid_event', `Not a time: ${why}.`)
}
