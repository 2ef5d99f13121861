// 256-byte entries, all different.
import { randomFillSync } from 'node:crypto'

export const ENTRY_SIZE = 256

let serial = 0

/** `count` entries that nobody was handed before. */
export function freshEntries(count: number): Uint8Array[] {
  const bytes = Buffer.alloc(count * ENTRY_SIZE, 'audit event ')
  const entries: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const entry = bytes.subarray(i * ENTRY_SIZE, (i + 1) * ENTRY_SIZE)
    stamp(entry)
    entries.push(entry)
  }
  return entries
}

const process48 = Buffer.alloc(6)
randomFillSync(process48)

/** Makes an entry unlike any other: 48 bits of this process and a count. */
export function stamp(entry: Uint8Array): void {
  entry.set(process48)
  new DataView(entry.buffer, entry.byteOffset).setFloat64(6, ++serial)
}
