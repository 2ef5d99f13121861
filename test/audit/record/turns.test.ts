import { expect, test } from 'vitest'
import { createTurns } from '../../../src/audit/record/turns.ts'

test('who came first goes on first, one piece of work at a time, and gives way to the rest of the process', async () => {
  const turns = createTurns()
  const said: string[] = []
  const work = async (name: string, pieces: number): Promise<void> => {
    const place = turns.place()
    for (let piece = 0; piece < pieces; piece++) {
      await turns.next(place)
      said.push(`${name}${piece}`)
    }
  }
  let others = 0
  let working = true
  const turn = (): void => {
    others++
    if (working) setImmediate(turn)
  }
  turn()
  await Promise.all([work('a', 3), work('b', 3), work('c', 1)])
  working = false
  expect(said).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'b2', 'c0'])
  expect(others).toBeGreaterThanOrEqual(7)
})

test('who waits for something else holds nobody up, and is first again when it comes back', async () => {
  const turns = createTurns()
  const said: string[] = []
  let arrive = (): void => {}
  const key = new Promise<void>((resolve) => (arrive = resolve))
  const slow = (async () => {
    const place = turns.place()
    await turns.next(place)
    said.push('slow asks')
    await key
    await turns.next(place)
    said.push('slow goes on')
  })()
  const quick = (async () => {
    const place = turns.place()
    for (let piece = 0; piece < 4; piece++) {
      await turns.next(place)
      said.push(`quick${piece}`)
      if (piece === 1) arrive()
    }
  })()
  await Promise.all([slow, quick])
  expect(said).toEqual(['slow asks', 'quick0', 'quick1', 'slow goes on', 'quick2', 'quick3'])
})
