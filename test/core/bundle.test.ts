import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeBundle, MAX_ENTRY_SIZE, parseBundle } from '../../src/core/bundle.ts'
import { concat, decodeUtf8, encodeUtf8, equalBytes, fromBase64 } from '../../src/core/bytes.ts'
import { codeOf, readVectors, TESSERA } from '../support/note-vectors.ts'

test('the bundles of a log made by Tessera hold its entries', () => {
  const bundles = readVectors<{ bundles: string[] }>('tessera-tiles.json').bundles.map(fromBase64)
  expect(bundles).toHaveLength(15)
  for (const [i, bundle] of bundles.entries()) {
    const entries = TESSERA.entries.slice(0, i + 1)
    expect(parseBundle(bundle).map(decodeUtf8)).toEqual(entries)
    expect(encodeBundle(entries.map(encodeUtf8))).toEqual(bundle)
  }
})

test('any entries come back, and any bytes that are accepted are the canonical ones', () => {
  const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 })
  fc.assert(
    fc.property(entries, (list) => {
      const parsed = parseBundle(encodeBundle(list))
      expect(parsed.length).toBe(list.length)
      expect(parsed.every((entry, i) => equalBytes(entry, list[i]!))).toBe(true)
    }),
  )
  const short = fc.uint8Array({ max: 3, maxLength: 40 })
  fc.assert(
    fc.property(short, (bytes) => {
      const code = codeOf(() => expect(encodeBundle(parseBundle(bytes))).toEqual(bytes))
      expect([undefined, 'invalid_bundle']).toContain(code)
    }),
  )
})

test('empty entries and the largest entry are legal, a larger one is not', () => {
  const largest = new Uint8Array(MAX_ENTRY_SIZE).fill(7)
  expect(
    parseBundle(encodeBundle([new Uint8Array(), largest, new Uint8Array()])).map((entry) => entry.length),
  ).toEqual([0, MAX_ENTRY_SIZE, 0])
  const tooLarge = (): unknown => encodeBundle([new Uint8Array(), new Uint8Array(MAX_ENTRY_SIZE + 1)])
  expect(tooLarge).toThrow(
    expect.objectContaining({ code: 'entry_too_large', evidence: { entry: 1, size: 65_536 } }),
  )
})

test('a bundle cut anywhere but between entries is refused, and the error says where', () => {
  const bundle = encodeBundle([encodeUtf8('one'), encodeUtf8('three')])
  for (let end = 1; end < bundle.length; end++) {
    expect(codeOf(() => parseBundle(bundle.subarray(0, end)))).toBe(end === 5 ? undefined : 'invalid_bundle')
  }
  const cut = (): unknown => parseBundle(bundle.subarray(0, bundle.length - 1))
  expect(cut).toThrow(expect.objectContaining({ evidence: { entry: 1, offset: 5 } }))
  expect(codeOf(() => parseBundle(concat(bundle, Uint8Array.of(0))))).toBe('invalid_bundle')
})

test('a bundle of more entries than asked for is refused', () => {
  const empty = (count: number): Uint8Array => new Uint8Array(2 * count)
  expect(parseBundle(empty(256))).toHaveLength(256)
  expect(codeOf(() => parseBundle(empty(257)))).toBe('invalid_bundle')
  expect(parseBundle(empty(1000), { maxEntries: 1000 })).toHaveLength(1000)
  expect(codeOf(() => parseBundle(empty(1), { maxEntries: 0 }))).toBe('invalid_bundle')
})
