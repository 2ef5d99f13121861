// The guard in a folder: one file per origin, holding the last signed note itself. Keep the folder away from the database
// and out of its backups: it is what tells an old copy of the database from the newest.
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { equalBytes } from '../core/bytes.ts'
import { parseCheckpoint } from '../core/checkpoint.ts'
import { parseNote } from '../core/note.ts'
import { LogError } from '../log/errors.ts'
import type { Guard, Guarded } from '../log/ports.ts'
import { readIfThere, replaceFile, withLock } from './durable.ts'

/** @param folder created when missing */
export function createGuardFile(folder: string): Guard {
  mkdirSync(folder, { recursive: true, mode: 0o700 })

  async function read(origin: string): Promise<Guarded | undefined> {
    const path = guardPath(folder, origin)
    const note = await readIfThere(path)
    if (note === undefined) return undefined
    try {
      const checkpoint = parseCheckpoint(parseNote(note).text)
      if (checkpoint.origin !== origin) throw new RangeError(`it is of ${checkpoint.origin}`)
      return { size: checkpoint.size, root: checkpoint.root, note }
    } catch (cause) {
      throw new LogError(
        'log_halted',
        `the guard file ${path} cannot be understood: restore it, or adopt the newest checkpoint with "prooflog guard adopt"`,
        { path },
        { cause },
      )
    }
  }

  return {
    read,
    async move(origin, from, to) {
      const path = guardPath(folder, origin)
      const moved = new LogError(
        'guard_moved',
        `another process moved the guard of ${origin}: two services sign this log; stop one`,
      )
      try {
        // Compare and replace are one step for all processes that share the folder: after a split of the database each half
        // grants its own publisher's lock, and this one is what is left.
        await withLock(path, async () => {
          const stored = await read(origin)
          const same =
            stored === undefined
              ? from === undefined
              : from !== undefined && equalBytes(stored.note, from.note)
          if (!same) throw moved
          await replaceFile(path, to.note, 0o600)
        })
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw moved
        throw error
      }
    },
  }
}

/** File of the guard of a log. Origins are free text; their hash is a file name. */
export function guardPath(folder: string, origin: string): string {
  return join(folder, `${createHash('sha256').update(origin).digest('hex')}.checkpoint`)
}
