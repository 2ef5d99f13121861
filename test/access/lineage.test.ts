import { expect, test } from 'vitest'
import { areOneLine, lineageOf } from '../../src/access/lineage.ts'

const KEYS = [
  { id: 'root', createdBy: null },
  { id: 'a', createdBy: 'root' },
  { id: 'b', createdBy: 'a' },
  { id: 'c', createdBy: 'b' },
  { id: 'd', createdBy: 'root' },
  { id: 'x', createdBy: 'y' },
  { id: 'y', createdBy: 'x' },
]

test('the lineage of a key leads to the one that nobody made, and never in a circle', () => {
  expect(lineageOf(KEYS, 'c')).toEqual(['b', 'a', 'root'])
  expect(lineageOf(KEYS, 'root')).toEqual([])
  expect(lineageOf(KEYS, 'x')).toEqual(['y', 'x'])
  expect(lineageOf(KEYS, 'https://id.example#somebody')).toEqual([])
})

test('keys of one line are one person, over any number of generations; those of one maker are not', () => {
  expect(areOneLine(KEYS, 'a', 'c')).toBe(true)
  expect(areOneLine(KEYS, 'c', 'a')).toBe(true)
  expect(areOneLine(KEYS, 'a', 'a')).toBe(true)
  expect(areOneLine(KEYS, 'c', 'd')).toBe(false)
  expect(areOneLine(KEYS, 'a', 'https://id.example#somebody')).toBe(false)
})
