// The sum that spares most events being written out for their size never takes one for smaller than it is.
import { expect, test } from 'vitest'
import { checkBounds } from '../../../src/audit/event/bounds.ts'
import { canonicalBytes } from '../../../src/audit/event/canonical.ts'
import { type Json, MAX_DEPTH, MAX_EVENT_SIZE } from '../../../src/audit/event/types.ts'
import { codeOf } from '../../support/note-vectors.ts'

const refusal = (value: Json) => codeOf(() => checkBounds(value))

const list = (one: Json) => (count: number) => Array<Json>(count).fill(one)
const members = (name: string, value: Json) => (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${String(i).padStart(6, '0')}`, value]))

test.each<[string, (count: number) => Json]>([
  ['of the longest numbers', list(-Number.MAX_VALUE)],
  ['of whole ones', list(-9_007_199_254_740_991)],
  ['of false', list(false)],
  ['of null', list(null)],
  ['of empty texts', list('')],
  ['of control characters', list('\u0001')],
  ['of empty objects', list({})],
  ['of lists', list([[[]]])],
  ['of members', members('', null)],
  ['of members with names to be escaped', members('"\u0007', 'x')],
])('the size is exact of what is made %s', (_, make) => {
  const size = (count: number): number => canonicalBytes(make(count)).length
  const each = (size(2_000) - size(1_000)) / 1_000
  let count = Math.ceil(MAX_EVENT_SIZE / each)
  while (size(count) > MAX_EVENT_SIZE) count -= 1
  expect(refusal(make(count))).toBeUndefined()
  expect(refusal(make(count + 1))).toBe('too_large')
})

test('so many levels and none more, of lists and of objects', () => {
  const nested = (levels: number, wrap: (inner: Json) => Json): Json =>
    levels === 0 ? 1 : wrap(nested(levels - 1, wrap))
  for (const wrap of [(inner: Json) => [inner], (inner: Json) => ({ a: inner })]) {
    expect(refusal(nested(MAX_DEPTH, wrap))).toBeUndefined()
    expect(refusal(nested(MAX_DEPTH + 1, wrap))).toBe('too_deep')
  }
})

test.each<[string, Json, string]>([
  ['a number that is none', { a: [Number.NaN] }, 'unsafe_number'],
  ['one without end', [Number.NEGATIVE_INFINITY], 'unsafe_number'],
  ['half a character', { a: ['x\ud83d'] }, 'lone_surrogate'],
  ['half a character in a name', { a: { '\ude00': 1 } }, 'lone_surrogate'],
])('%s is refused however small the event is', (_, value, code) => {
  expect(refusal(value)).toBe(code)
})
