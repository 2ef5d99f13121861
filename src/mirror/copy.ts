// One log that this mirror copies, and what may be believed of it.
import { parseCheckpoint } from '../core/checkpoint.ts'
import { formatNote, openNote, type Verifier } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import type { LogInfo } from '../log/types.ts'
import { MirrorError } from './errors.ts'
import type { Pending } from './pending-store.ts'

export interface Copy {
  /** `origin` is the log's; `vkeys` are its keys, of which one must have signed. */
  readonly info: LogInfo
  readonly verifiers: readonly Verifier[]
}

export function copyOf(info: LogInfo): Copy {
  return { info, verifiers: info.vkeys.map(verifierOf) }
}

/**
 * The checkpoint of a note, with the log's signatures alone: a line in the name of the mirror itself, forged or out of date,
 * must not get into what the mirror signs.
 * @throws FormatError, SignatureError when the note is none of the log's; MirrorError `invalid_request` for another origin or extension lines
 */
export function checkpointOf({ info, verifiers }: Copy, note: Uint8Array): Pending {
  const opened = openNote(note, verifiers)
  const { origin, size, root, extensions } = parseCheckpoint(opened.note.text)
  if (origin !== info.origin || extensions.length > 0)
    throw new MirrorError('invalid_request', `The note is no checkpoint of ${info.origin}.`)
  return { size, root, note: formatNote(opened.note.text, opened.verified) }
}
