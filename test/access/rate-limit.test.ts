import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Principal, Rates } from '../../src/access/principal.ts'
import { createRateLimiter } from '../../src/access/rate-limit.ts'
import { heapInUse } from '../support/memory.ts'

function who(id: string, rates?: Rates): Principal {
  const own = rates === undefined ? {} : { rates }
  return { kind: 'key', id, name: id, scopes: [], logs: null, source: id, ...own }
}

function refusalOf(work: () => void): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

test("one principal uses up its own share and nobody else's", () => {
  let now = 0
  const limits = createRateLimiter({ append: 10, read: 10, burst: 1 }, () => now)
  limits.take('append', who('a'), 10)
  expect(() => limits.take('append', who('a'), 1)).toThrow('wait 1 s')
  limits.take('read', who('a'), 10)
  limits.take('append', who('b'), 10)
  now += 100
  limits.take('append', who('a'), 1)
  expect(() => limits.check('append', who('a'))).toThrow(/more than 10 events/)
})

test('a batch larger than the share goes through whole and is paid for afterwards', () => {
  let now = 0
  const limits = createRateLimiter({ append: 10, read: 0, burst: 1 }, () => now)
  limits.take('append', who('a'), 1_000)
  expect(refusalOf(() => limits.check('append', who('a')))).toMatchObject({
    code: 'rate_limited',
    evidence: { limit: 'append', rate: 10, retry_after: 100 },
  })
  now += 99_000
  expect(() => limits.check('append', who('a'))).toThrow('wait 1 s')
  now += 1_000
  limits.check('append', who('a'))
})

test('0 is no limit, and what a key says of itself comes before what holds for all', () => {
  const none = createRateLimiter({ append: 0, read: 0 }, () => 0)
  for (let i = 0; i < 1000; i++) none.take('read', who('a'), 1_000)
  expect(() => {
    for (let i = 0; i < 100; i++) none.take('append', who('slow', { append: 1, read: null }), 1)
  }).toThrow('more than 1 events')
  const some = createRateLimiter({ append: 1, read: 1 }, () => 0)
  for (let i = 0; i < 1000; i++) some.take('append', who('fast', { append: 0, read: null }), 1)
})

test('reads end where what is kept for appends begins, and appends are not counted among them', () => {
  const limits = createRateLimiter({ append: 0, read: 0, reads: 2 })
  const leave = limits.enterRead()
  limits.enterRead()
  expect(() => limits.enterRead()).toThrow('kept for appends')
  limits.take('append', who('a'), 1)
  leave()
  leave()
  limits.enterRead()
  expect(() => limits.enterRead(), 'who leaves twice makes room for one').toThrow('reads are under way')
})

test('however many come, the memory for them stays the same', () => {
  const limits = createRateLimiter({ append: 10, read: 10 }, () => 0)
  const before = heapInUse()
  for (let i = 0; i < 200_000; i++) limits.take('append', who(`key${i}`), 1)
  expect(heapInUse() - before).toBeLessThan(10_000_000)
  limits.check('append', who('key0')) // until here it must not be garbage itself
})

test('over any time no more gets through than the rate, the burst and one batch', () => {
  const steps = fc.array(fc.tuple(fc.nat(2_000), fc.integer({ min: 1, max: 20 })), { maxLength: 200 })
  fc.assert(
    fc.property(steps, (sent) => {
      let now = 0
      let through = 0
      const limits = createRateLimiter({ append: 5, read: 0, burst: 2 }, () => now)
      for (const [pause, count] of sent) {
        now += pause
        try {
          limits.take('append', who('a'), count)
          through += count
        } catch {
          // held back
        }
      }
      expect(through).toBeLessThanOrEqual((now / 1000) * 5 + 10 + 20)
    }),
  )
})
