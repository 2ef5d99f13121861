// A log that is copied to a mirror, as far as it was published.
import { parseCheckpoint } from '../core/checkpoint.ts'
import type { Hash } from '../core/hash.ts'
import { formatNote, openNote } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import type { Head, Log } from '../log/types.ts'
import type { PackageSource } from './encode-packages.ts'

export interface LogSource extends PackageSource {
  readonly origin: string
  /** The newest checkpoint; `note` has the log's own signatures alone: mirrors read no more than they need. */
  checkpoint(): Promise<SourceCheckpoint>
  /** RFC 6962 §2.1.2; empty from size 0. */
  consistency(from: number, to: number): Promise<readonly Hash[]>
}

export interface SourceCheckpoint extends Head {
  readonly note: Uint8Array
}

/** A log of this service. */
export function sourceOfLog(log: Log): LogSource {
  return {
    origin: log.info.origin,
    checkpoint: async () => ownSignatures(log.published().note, log.info.vkeys),
    consistency: (from, to) => log.consistency(from, to),
    entries: (start, end) => log.entries(start, end - start),
    subtree: async (start, end, size) => (await log.subtree(start, end, size)).proof,
  }
}

/** The checkpoint without the lines of others. @throws FormatError, SignatureError unless one of `vkeys` signed it */
export function ownSignatures(note: Uint8Array, vkeys: readonly string[]): SourceCheckpoint {
  const { note: opened, verified } = openNote(note, vkeys.map(verifierOf))
  const { size, root } = parseCheckpoint(opened.text)
  return { size, root, note: formatNote(opened.text, verified) }
}
