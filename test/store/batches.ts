// What the engine hands to a store, for tests of the store alone.
import { appendLeaves, type Edge, type FullTile } from '../../src/core/append.ts'
import { concat } from '../../src/core/bytes.ts'
import { EMPTY_ROOT, hashLeaf } from '../../src/core/hash.ts'
import type { FreshEntries, SequenceTransaction } from '../../src/log/ports.ts'
import type { Head } from '../../src/log/types.ts'

export interface Batch {
  readonly fresh: FreshEntries
  readonly tiles: readonly FullTile[]
  readonly from: Head
  readonly to: Head
  readonly next: Edge
}

/** What the engine would hand to the store. */
export function batchOf(edge: Edge, given: readonly string[]): Batch {
  const leafHashes = hashes(given)
  const { edge: next, tiles, root } = appendLeaves(edge, leafHashes)
  const from = { size: edge.size, root: appendLeaves(edge, new Uint8Array()).root }
  const entries = given.map((text) => Buffer.from(text))
  return { fresh: { entries, leafHashes }, tiles, from, to: { size: next.size, root }, next }
}

export async function put(tx: SequenceTransaction, { fresh, tiles, to }: Batch): Promise<void> {
  await tx.putEntries(fresh)
  await tx.putTiles(tiles)
  await tx.moveHead(to)
}

export function headOf(size: number): Head {
  return { size, root: size === 0 ? EMPTY_ROOT : hashLeaf(Buffer.from(`root of ${size}`)) }
}

export function hashes(given: readonly string[]): Uint8Array {
  return concat(...given.map((text) => hashLeaf(Buffer.from(text))))
}

export function texts(count: number, prefix = 'entry'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix} ${i}`)
}
