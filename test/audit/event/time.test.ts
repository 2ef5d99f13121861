import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalTime, nanosOf, timeOfNanos } from '../../../src/audit/event/time.ts'
import { codeOf } from '../../support/note-vectors.ts'

describe('a time has one spelling', () => {
  test.each<[string | number | bigint, string]>([
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00Z'],
    ['2026-01-31t12:00:00z', '2026-01-31T12:00:00Z'],
    ['2026-01-31 12:00:00Z', '2026-01-31T12:00:00Z'],
    ['2026-01-31T12:00:00.000Z', '2026-01-31T12:00:00Z'],
    ['2026-01-31T12:00:00.1200Z', '2026-01-31T12:00:00.12Z'],
    ['2026-01-31T12:00:00.123456789Z', '2026-01-31T12:00:00.123456789Z'],
    ['2026-01-31T12:00:00.1234567899Z', '2026-01-31T12:00:00.123456789Z'],
    ['2026-01-31T00:30:00+01:00', '2026-01-30T23:30:00Z'],
    ['2026-12-31T23:30:00.5-00:45', '2027-01-01T00:15:00.5Z'],
    ['2026-01-31T12:00:00-00:00', '2026-01-31T12:00:00Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00Z'],
    ['0050-06-01T12:00:00+01:00', '0050-06-01T11:00:00Z'],
    ['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.999999999Z'],
    [0, '1970-01-01T00:00:00Z'],
    [1_700_000_000, '2023-11-14T22:13:20Z'],
    [1_700_000_000.123, '2023-11-14T22:13:20.123Z'],
    [1_700_000_000_123, '2023-11-14T22:13:20.123Z'],
    [1_700_000_000_123.5, '2023-11-14T22:13:20.1235Z'],
    [1_700_000_000_123_456, '2023-11-14T22:13:20.123456Z'],
    ['1700000000123456789', '2023-11-14T22:13:20.123456789Z'],
    [1_700_000_000_123_456_789n, '2023-11-14T22:13:20.123456789Z'],
    ['1700000000.123456789', '2023-11-14T22:13:20.123456789Z'],
    [4_102_444_800, '2100-01-01T00:00:00Z'],
    [-1.5, '1969-12-31T23:59:58.5Z'],
    [1e-7, '1970-01-01T00:00:00.0000001Z'],
  ])('%s', (input, time) => {
    expect(canonicalTime(input)).toBe(time)
    expect(canonicalTime(time)).toBe(time)
  })

  test.each([
    '',
    'now',
    '2026-01-31',
    '2026-01-31T12:00:00',
    '2026-01-31T12:00Z',
    '2026-1-31T12:00:00Z',
    '2026-02-29T12:00:00Z',
    '1900-02-29T00:00:00Z',
    '2026-04-31T12:00:00Z',
    '2026-13-01T12:00:00Z',
    '2026-00-01T12:00:00Z',
    '2026-01-00T12:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T12:60:00Z',
    '2026-01-31T12:00:61Z',
    '2026-01-31T12:00:00.Z',
    '2026-01-31T12:00:00+24:00',
    '2026-01-31T12:00:00+01:60',
    '2026-01-31T12:00:00+1:00',
    ' 2026-01-31T12:00:00Z',
    '2026-01-31T12:00:00Z\n',
    '+002026-01-31T12:00:00Z',
    '9999-12-31T23:59:60Z',
    '9999-12-31T23:59:59-01:00',
    '0000-01-01T00:00:00+01:00',
    '1e9',
    '0x10',
    '١٧',
    '1'.repeat(21),
    Number.NaN,
    Infinity,
    1e21,
    2n ** 80n,
  ])('%s is none', (input) => {
    expect(codeOf(() => canonicalTime(input))).toBe('invalid_event')
  })
})

const nanos = fc.bigInt({ min: -62_167_219_200_000_000_000n, max: 253_402_300_799_999_999_999n })

test('nanoseconds and times are each other, without loss', () => {
  fc.assert(
    fc.property(nanos, (value) => {
      const time = timeOfNanos(value)
      expect(nanosOf(time)).toBe(value)
      expect(canonicalTime(time)).toBe(time)
      expect(Math.trunc(Date.parse(time))).toBe(
        Number((value - (((value % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n),
      )
    }),
  )
})

test('a time with an offset is the same moment', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4e12 }),
      fc.integer({ min: -1_439, max: 1_439 }),
      (millis, offset) => {
        const local = new Date(millis + offset * 60_000).toISOString().slice(0, -1)
        const pad = (part: number) => String(Math.trunc(part)).padStart(2, '0')
        const zone = `${offset < 0 ? '-' : '+'}${pad(Math.abs(offset) / 60)}:${pad(Math.abs(offset) % 60)}`
        expect(nanosOf(local + zone)).toBe(BigInt(millis) * 1_000_000n)
      },
    ),
  )
})
