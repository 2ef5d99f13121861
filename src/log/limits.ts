// Bounds of the way in. Beyond them the engine answers `queue_full`; nothing grows without limit.

export interface Limits {
  /** Entries of one commit, at least one submission. */
  readonly batchEntries: number
  /** Bytes of one commit, at least one submission. */
  readonly batchBytes: number
  /** Entries of one log waiting for their commit. */
  readonly waitingEntries: number
  /** Bytes of one log waiting for their commit. */
  readonly waitingBytes: number
}

export const DEFAULT_LIMITS: Limits = {
  batchEntries: 8192,
  batchBytes: 8 * 2 ** 20,
  waitingEntries: 65_536,
  waitingBytes: 64 * 2 ** 20,
}
