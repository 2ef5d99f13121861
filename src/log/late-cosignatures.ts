// Cosignatures that come after a checkpoint was composed: kept until it is published, then added to it.
import { type NoteSignature, parseNote } from '../core/note.ts'
import type { LogStore } from './ports.ts'
import type { LogInfo, Published } from './types.ts'

export interface LateCosignatures {
  take(signatures: readonly NoteSignature[]): void
  /** They are of this checkpoint, which was published: those that were taken are added, and those that still come. */
  follow(published: Published): void
}

export function lateCosignatures(
  info: LogInfo,
  store: LogStore,
  report: (error: unknown, log?: string) => void,
): LateCosignatures {
  let checkpoint: Published | undefined
  let early: NoteSignature[] = []
  function add(to: Published, signatures: readonly NoteSignature[]): void {
    addCosignatures(store, info.id, to, signatures).catch((error: unknown) => report(error, info.name))
  }
  return {
    take(signatures) {
      if (checkpoint === undefined) early.push(...signatures)
      else add(checkpoint, signatures)
    },
    follow(published) {
      checkpoint = published
      if (early.length > 0) add(published, early)
      early = []
    },
  }
}

/**
 * Adds verified cosignatures to a published checkpoint, those excepted whose key (name and key ID) its note has already.
 * @throws LogError `store_unavailable`, `outcome_unknown`
 */
export function addCosignatures(
  store: LogStore,
  logId: number,
  { seq, note }: Published,
  signatures: readonly NoteSignature[],
): Promise<void> {
  const there = parseNote(note).signatures
  const missing = signatures.filter((one) => !there.some((other) => isSameKey(one, other)))
  return store.addCosignatures(logId, seq, missing)
}

function isSameKey(a: NoteSignature, b: NoteSignature): boolean {
  return a.name === b.name && a.keyId === b.keyId
}
