// The right edge of a log, from which on its tree can be grown without what lies before.
import { type Edge, edgeFrom, EMPTY_EDGE } from '../core/append.ts'
import { partialWidth, TILE_WIDTH } from '../core/tile.ts'
import type { Tiles } from './tiles.ts'

/** The edge of the tree of `size` leaves as the tiles have it, unproven: compare its root. @throws as Tiles.tile */
export async function edgeAt(tiles: Tiles, size: number): Promise<Edge> {
  const found: Uint8Array[] = []
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    const width = partialWidth(level, size)
    const index = Math.floor(size / TILE_WIDTH ** (level + 1))
    found.push(width === 0 ? new Uint8Array() : await tiles.tile({ level, index, width }))
  }
  return edgeFrom(size, found)
}

/** The edge without the leaves after its last full bundle: the next bundle is read from its first entry. */
export function wholeBundles({ size, tiles }: Edge): Edge {
  const whole = size - (size % TILE_WIDTH)
  return whole === 0 ? EMPTY_EDGE : edgeFrom(whole, [new Uint8Array(), ...tiles.slice(1)])
}
