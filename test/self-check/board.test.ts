import { describe, expect, test } from 'vitest'
import { createBoard, type SelfCheckEvent } from '../../src/self-check/board.ts'
import {
  type Collector,
  createCollector,
  describeFinding,
  type Finding,
} from '../../src/self-check/finding.ts'
import type { FullPass } from '../../src/self-check/full-pass.ts'
import { formatTold, parseTold } from '../../src/self-check/told.ts'

const wrong = (index: number): Omit<Finding, 'log'> => ({
  table: 'entries',
  index,
  column: 'data',
  expected: 'a',
  found: 'b',
})

function collected(...indexes: number[]): Collector {
  const found = createCollector('a')
  for (const index of indexes) found.add(wrong(index))
  return found
}

function pass(found: Collector): FullPass {
  return {
    look: { head: { size: 10_000 } },
    findings: found.findings,
    more: found.more,
  } as unknown as FullPass
}

test('findings of rows that follow each other are one; beyond a hundred they are counted', () => {
  const found = collected(5, 6, 7, 9, ...Array.from({ length: 200 }, (_, i) => 20 + 2 * i))
  expect(found.findings.slice(0, 2).map(describeFinding)).toEqual([
    'log a: log.entries index 5 to 7, data: expected a, found b',
    'log a: log.entries index 9, data: expected a, found b',
  ])
  expect([found.findings.length, found.more]).toEqual([100, 102])
})

test('rows that are missing in two tables by turns are two findings', () => {
  const found = createCollector('a')
  for (let i = 0; i < 300; i++) {
    found.add({ table: 'tiles', level: 0, index: i, column: 'row', expected: 'a row', found: 'none' })
    found.add({
      table: 'entries',
      index: 256 * i,
      count: 256,
      column: 'row',
      expected: 'a row',
      found: 'none',
    })
  }
  expect(found.findings.map(({ table, index, count }) => [table, index, count])).toEqual([
    ['tiles', 0, 300],
    ['entries', 0, 76_800],
  ])
})

describe('a finding stays until a later look at its place finds it right', () => {
  test('through a pass that is broken off and one that begins anew', () => {
    const board = createBoard()
    const events: SelfCheckEvent[] = []
    board.subscribe((event) => void events.push(event))
    const first = pass(collected(300))
    board.stepped('a', { start: 0, end: 512 }, first)
    const second = pass(collected())
    board.looked('a', { from: 512, size: 1000 }, collected())
    // The step of the second pass before its place leaves it; the one over its place takes it away.
    board.stepped('a', { start: 0, end: 256 }, second)
    expect(board.of('a')!.findings).toHaveLength(1)
    board.stepped('a', { start: 256, end: 512 }, second)
    expect(board.of('a')!.findings).toEqual([])
    expect(events.map(({ findings }) => findings.length)).toEqual([1, 0])
  })

  test('through the end of a pass that began in the middle', () => {
    const board = createBoard()
    board.passed('a', pass(collected(300)), { started: 0, finished: 1, whole: true })
    board.passed('a', pass(collected()), { started: 2, finished: 3, whole: false })
    expect(board.of('a')!.findings).toHaveLength(1)
    board.passed('a', pass(collected()), { started: 4, finished: 5, whole: true })
    expect(board.of('a')!.findings).toEqual([])
  })
})

describe('a process that does not look itself', () => {
  test('says what the one that looks told it, and what it finds itself later', () => {
    const board = createBoard()
    const told = formatTold({ log: 'a', findings: collected(1, 3).findings, more: 2 })
    board.heard(parseTold(told)!)
    expect(board.of('a')).toMatchObject({ working: false, more: 2, findings: [{ index: 1 }, { index: 3 }] })
    board.looked('a', { from: 0, size: 10 }, collected())
    expect(board.of('a')!.working).toBe(true)
    board.heard(parseTold(formatTold({ log: 'a', findings: [], more: 0 }))!)
    expect(board.of('a')!.findings, 'an all-clear of somebody else').toHaveLength(2)
  })

  test('is told as much as fits, and believes no other text', () => {
    const many = collected(...Array.from({ length: 200 }, (_, i) => 2 * i))
    const text = formatTold({ log: 'a', findings: many.findings, more: many.more })
    expect(Buffer.byteLength(text)).toBeLessThan(8000)
    const { findings, more } = parseTold(text)!
    expect(findings.length).toBeGreaterThan(10)
    expect(findings.length + more).toBe(200)
    for (const bad of [
      '',
      '1',
      'null',
      '{}',
      '{"log":"a","findings":[{}],"more":0}',
      '{"log":1,"findings":[],"more":0}',
    ])
      expect(parseTold(bad), bad).toBeUndefined()
  })
})
