import fc from 'fast-check'

const TILE_EDGES = [1, 2, 3, 7, 8, 9, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537]
const NUMBER_EDGES = [2 ** 31, 2 ** 32, 2 ** 40, 2 ** 48, 2 ** 52, 2 ** 53]

/** A tree size from 1 to `max`, mostly next to the sizes where tiles fill. */
export function treeSize(max: number): fc.Arbitrary<number> {
  const edges = TILE_EDGES.filter((size) => size <= max)
  return fc.oneof(fc.integer({ min: 1, max }), fc.constantFrom(...edges))
}

/** A tree size around the places where numbers change their ways: 2^31, 2^32, …, 2^53-1. */
export function hugeSize(): fc.Arbitrary<number> {
  return fc
    .tuple(fc.constantFrom(...NUMBER_EDGES), fc.integer({ min: -300, max: 300 }))
    .map(([edge, offset]) => Math.min(edge + offset, Number.MAX_SAFE_INTEGER))
}

/** A number from 0 to `max`, both ends likely. */
export function upTo(max: number): fc.Arbitrary<number> {
  return fc.oneof(
    fc.maxSafeNat().map((n) => n % (max + 1)),
    fc.constantFrom(0, Math.floor(max / 2), max),
  )
}

/** A non-empty subtree [start, end) of a tree of `size` leaves. */
export function subtreeOf(size: number): fc.Arbitrary<{ start: number; end: number }> {
  return upTo(size - 1).chain((lengthBelow) => {
    const length = lengthBelow + 1
    let step = 1
    while (step < length) step *= 2
    return upTo(Math.floor((size - length) / step)).map((n) => ({ start: n * step, end: n * step + length }))
  })
}
