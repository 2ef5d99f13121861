// What the engine tells whoever measures it. Called once per call, batch or checkpoint, never per entry.

import type { Quorum, WitnessFailure } from './types.ts'

/** `log` is the log's name; durations are seconds. Implementations MUST NOT throw and MUST NOT wait. */
export interface Observer {
  /** `append` returned: `entries` in the call, `duplicates` of them already in the log. */
  appended(log: string, entries: number, duplicates: number, seconds: number): void
  /** One transaction committed `entries` new entries. */
  batch(log: string, entries: number, seconds: number): void
  /** `append` refused or failed with this LogError code. */
  refused(log: string, code: string): void
  /** A checkpoint was published; `signedAt` in POSIX milliseconds. */
  published(log: string, size: number, signedAt: number): void
  publishFailed(log: string, code: string): void
  /** What was found of the quorum when a checkpoint was published, or could not be. */
  quorum(log: string, quorum: Quorum): void
  /** `witness` answered after `seconds` with a cosignature, or (with a reason) without. */
  cosigned(log: string, witness: string, seconds: number, failure?: WitnessFailure): void
  /** The committed size. */
  head(log: string, size: number): void
  /** Entries waiting for their commit. */
  waiting(log: string, entries: number): void
}

/** Measures nothing. */
export const NO_OBSERVER: Observer = {
  appended: () => {},
  batch: () => {},
  refused: () => {},
  published: () => {},
  publishFailed: () => {},
  quorum: () => {},
  cosigned: () => {},
  head: () => {},
  waiting: () => {},
}
