// The newest checkpoint from the database is believed only if the log's keys signed it: whoever can insert rows cannot publish.
// A key that signs no more does not count: one that was added and retired by such rows never signed here, and the retirement of
// a real one waits for a checkpoint signed by those that stay.
import { equalBytes } from '../core/bytes.ts'
import { parseCheckpoint } from '../core/checkpoint.ts'
import { openNote } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import { LogError } from './errors.ts'
import type { LogInfo, Published } from './types.ts'

/** @throws LogError `log_damaged` unless a key that signs for the log now signed exactly what the row says */
export function checkPublished(info: LogInfo, published: Published): void {
  try {
    const { note } = openNote(published.note, info.signing.map(verifierOf))
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
