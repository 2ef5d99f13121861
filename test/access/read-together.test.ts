import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { readTogether } from '../../src/access/read-together.ts'

const KNOWN = new Map([['a', 1]])

test('what is asked for while a query is under way goes together into the next', async () => {
  const queries: number[] = []
  const read = readTogether(async (ids) => {
    queries.push(ids.length)
    await sleep(5)
    return KNOWN
  })
  const first = read('a')
  await sleep(1)
  const rest = Array.from({ length: 2_500 }, (_, i) => read(i === 2_000 ? 'a' : `made up ${i}`))
  expect(await first).toBe(1)
  const found = await Promise.all(rest)
  expect(found.map((one, i) => [one, i]).filter(([one]) => one !== undefined)).toEqual([[1, 2_000]])
  expect(queries).toEqual([1, 1_000, 1_000, 500])
})

test('made-up ids get a hundred queries a second, and a known one behind them its turn', async () => {
  let queries = 0
  const read = readTogether(async (ids) => {
    queries++
    return new Map(ids.filter((id) => KNOWN.has(id)).map((id) => [id, 1]))
  })
  const began = performance.now()
  let over = false
  const flood = Array.from({ length: 20 }, async (_, i) => {
    for (let n = 0; !over; n++) await read(`${i} ${n}`)
  })
  for (let i = 0; i < 20; i++) expect(await read('a')).toBe(1)
  over = true
  await Promise.all(flood)
  expect(queries).toBeLessThan(40)
  expect(performance.now() - began, 'ten milliseconds between two').toBeGreaterThan((queries - 2) * 9)
})

test('a known id waits for nobody when nobody asks for what there is not', async () => {
  const read = readTogether(async () => KNOWN)
  let turned = false
  setImmediate(() => (turned = true))
  for (let i = 0; i < 200; i++) await read('a')
  expect(turned, 'not even a turn of the event loop').toBe(false)
})

test('a query that fails, or never ends, takes down nothing but its own', async () => {
  const answers = [
    () => Promise.reject(new Error('away')),
    () => new Promise<typeof KNOWN>(() => undefined),
    () => Promise.resolve(KNOWN),
  ]
  const read = readTogether(() => answers.shift()!())
  await expect(read('a')).rejects.toThrow('away')
  void read('lost')
  await sleep(50)
  expect(await read('a')).toBe(1)
})
