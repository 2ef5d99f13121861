import type { HeadStore } from '../client/index.ts'
import { readIfThere, replaceFile } from '../files/durable.ts'

/** The remembered head in a file, as the signed note itself; the file is made by the first checkpoint. */
export function headFile(path: string): HeadStore {
  return {
    load: () => readIfThere(path),
    save: (note) => replaceFile(path, note, 0o644),
  }
}
