// A checkpoint from the database is believed only if the log's keys signed it: whoever can insert rows cannot publish.
import { equalBytes } from '../core/bytes.ts'
import { parseCheckpoint } from '../core/checkpoint.ts'
import { openNote } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import { LogError } from './errors.ts'
import type { LogInfo, Published } from './types.ts'

/** @throws LogError `log_damaged` unless a key of the log signed exactly what the row says */
export function checkPublished(info: LogInfo, published: Published): void {
  try {
    const { note } = openNote(published.note, info.vkeys.map(verifierOf))
    const { origin, size, root } = parseCheckpoint(note.text)
    if (origin !== info.origin || size !== published.size || !equalBytes(root, published.root)) {
      throw new RangeError(`the note is of ${origin}, size ${size}`)
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new LogError(
      'log_damaged',
      `checkpoint ${published.seq} of log ${info.name} does not verify (${why}): somebody changed the database`,
      { seq: published.seq },
      { cause },
    )
  }
}
