import { open, readFile, rename } from 'node:fs/promises'
import type { HeadStore } from '../client/index.ts'

/** The remembered head in a file, as the signed note itself; the file is made by the first checkpoint. */
export function headFile(path: string): HeadStore {
  return { load: () => load(path), save: (note) => save(path, note) }
}

async function load(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (error) {
    // Only what was never there is a first look: an unreadable head must not be forgotten.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** In one step, and on disk before the name points to it: a power cut leaves the old head or the new one. */
async function save(path: string, note: Uint8Array): Promise<void> {
  const next = `${path}.next`
  const file = await open(next, 'w', 0o644)
  try {
    await file.writeFile(note)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
}
