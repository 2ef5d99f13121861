// An operator's decision to trust a checkpoint as the last one signed: the way out when the guard was lost, or when the
// database that it knows is gone for good.
import { equalBytes, toHex } from '../core/bytes.ts'
import { parseCheckpoint } from '../core/checkpoint.ts'
import { openNote } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import { LogError } from '../log/errors.ts'
import type { Guarded } from '../log/ports.ts'
import type { Head } from '../log/types.ts'
import { replaceFile } from './durable.ts'
import { createGuardFile, guardPath } from './guard-file.ts'

export interface Adopted extends Head {
  readonly origin: string
  /** False when the guard held this checkpoint already. */
  readonly changed: boolean
}

/**
 * Makes a checkpoint the guard of its log, if the guard is missing or cannot be understood.
 * @param note the signed checkpoint
 * @param vkeys of the log; one of them must have signed
 * @param options.force also when the guard holds another checkpoint: a second history may be signed from here on
 * @throws LogError `guard_moved` when the guard holds another checkpoint and `force` is not set
 * @throws FormatError, SignatureError when the note is none of the log's
 */
export async function adoptCheckpoint(
  folder: string,
  note: Uint8Array,
  vkeys: readonly string[],
  { force = false }: { force?: boolean } = {},
): Promise<Adopted> {
  const { note: opened } = openNote(note, vkeys.map(verifierOf))
  const { origin, size, root } = parseCheckpoint(opened.text)
  if (!vkeys.some((vkey) => verifierOf(vkey).name === origin)) {
    throw new LogError('guard_moved', `the checkpoint is of ${origin}, and none of the keys is that log's`, {
      origin,
    })
  }
  const guarded = await readGuard(folder, origin)
  if (guarded !== undefined && equalBytes(guarded.note, note)) return { origin, size, root, changed: false }
  if (guarded !== undefined && !force) {
    throw new LogError(
      'guard_moved',
      `the guard of ${origin} holds another checkpoint, of size ${guarded.size}; the one offered has size ${size}: if the history that it knows is lost for good, adopt this one by force`,
      { origin, guarded: guarded.size, offered: size, root: toHex(root) },
    )
  }
  await replaceFile(guardPath(folder, origin), note, 0o600)
  return { origin, size, root, changed: true }
}

/** Undefined also when the file cannot be understood: that is what adopting is for. */
async function readGuard(folder: string, origin: string): Promise<Guarded | undefined> {
  try {
    return await createGuardFile(folder).read(origin)
  } catch (error) {
    if (error instanceof LogError && error.code === 'log_halted') return undefined
    throw error
  }
}
