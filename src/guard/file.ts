// A guard in a folder: one file per origin, holding the last signed note itself. Keep the folder away from the database and
// out of its backups: it is what tells an old copy of the database from the newest.
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeUtf8, encodeUtf8, equalBytes } from '../core/bytes.ts'
import { createFile, readIfThere, replaceFile, withLock } from '../files/durable.ts'
import type { GuardPlace } from './place.ts'

/** @param folder created when missing */
export function guardFolder(folder: string): GuardPlace {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const noteFile = (origin: string): string => join(folder, guardName(origin))
  const haltFile = (origin: string): string => `${noteFile(origin)}.halted`

  return {
    name: folder,
    async load(origin) {
      const halted = await readIfThere(haltFile(origin))
      return {
        note: await readIfThere(noteFile(origin)),
        halted: halted === undefined ? undefined : decodeUtf8(halted),
      }
    },
    async swap(origin, from, to) {
      const path = noteFile(origin)
      try {
        // Compare and replace are one step for all processes that share the folder: after a split of the database each half
        // grants its own publisher's lock, and this one is what is left.
        return await withLock(path, async (stillHeld) => {
          const stored = await readIfThere(path)
          const same = stored === undefined || from === undefined ? stored === from : equalBytes(stored, from)
          if (same) await replaceFile(path, to, 0o600, stillHeld)
          return same
        })
      } catch (error) {
        if (isThere(error)) return false
        throw error
      }
    },
    put: (origin, note) => replaceFile(noteFile(origin), note, 0o600),
    async halt(origin, reason) {
      try {
        await createFile(haltFile(origin), encodeUtf8(reason), 0o600)
      } catch (error) {
        if (!isThere(error)) throw error
      }
    },
    clear: (origin) => rm(haltFile(origin), { force: true }),
    close: async () => {},
  }
}

/** Name of the file of an origin. Origins are free text; their hash is a name. */
export function guardName(origin: string): string {
  return `${createHash('sha256').update(origin).digest('hex')}.checkpoint`
}

function isThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}
