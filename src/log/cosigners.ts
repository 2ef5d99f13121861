// Who cosigns the checkpoints of a log. src/witness implements it; the engine knows neither policies nor HTTP.
import type { Hash } from '../core/hash.ts'
import type { NoteSignature } from '../core/note.ts'
import { formatPolicy, policyFromVkeys } from '../core/policy.ts'
import type { LogInfo, Quorum, WitnessState } from './types.ts'

/** A checkpoint that the log has signed and the guard holds, to be cosigned before it is published. */
export interface CosigningRequest {
  readonly log: LogInfo
  readonly size: number
  /** The note with the log's own signatures. */
  readonly note: Uint8Array
  /** Proof that the tree of the checkpoint extends that of `from` leaves (RFC 6962 §2.1.2). */
  consistency(from: number): Promise<readonly Hash[]>
  /** The largest size that was ever signed for the log, as the guard knows it now. */
  signedSize(): Promise<number>
  /** Takes verified cosignatures that came after `collect` resolved. */
  late(signatures: readonly NoteSignature[]): void
  /** A witness holds another history than this one. MUST be durable when it resolves: nothing is signed any more. */
  alarm(why: string, evidence: Readonly<Record<string, unknown>>): Promise<void>
}

/** What is published: the note, with the cosignatures that came in time. */
export interface Cosigned {
  readonly note: Uint8Array
  readonly quorum: Quorum
}

/** What the cosignatures on a checkpoint are worth under the policy of today. */
export interface Review {
  readonly quorum: Quorum
  readonly witnesses: readonly WitnessState[]
}

/** The policy of a log, for whoever verifies it. */
export interface CosigningPolicy {
  /** A complete policy file (c2sp.org/tlog-policy): the log's keys, its witnesses, the quorum. */
  readonly text: string
  /** Whether the quorum asks for cosignatures. */
  readonly quorum: boolean
}

/** Calls for a log whose policy cannot be used throw LogError `policy_invalid`, naming file and line. */
export interface Cosigners {
  /** Milliseconds between two checkpoints of a log with witnesses, at least. */
  readonly interval: number
  policyOf(log: LogInfo): CosigningPolicy
  /** Milliseconds until another attempt to publish makes sense: 0 for now. Never throws. */
  readyIn(log: LogInfo): number
  /**
   * Asks all witnesses of the log at once. Resolves as soon as the quorum is met, or all have answered, or the deadline has
   * passed; it holds no connection to the database meanwhile. Only verified cosignatures are in the note.
   * @throws LogError `quorum_missed` unless it was chosen to publish then too; `log_halted` after an alarm
   */
  collect(request: CosigningRequest): Promise<Cosigned>
  /** Verifies the cosignatures of a note, if there is one. @throws LogError `log_damaged` when one of a known witness is wrong */
  review(log: LogInfo, note: Uint8Array | undefined): Review
  /**
   * Whether a published checkpoint must be replaced because it has not the cosignatures that the policy of today asks for.
   * Never when it was chosen to publish without them; never throws.
   */
  lacks(log: LogInfo, note: Uint8Array): boolean
  /** Gives up requests under way; resolves when there are none. It can be used again afterwards. */
  abandon(): Promise<void>
}

/** Nobody is asked, and nobody asks for a cosignature. */
export const NO_COSIGNERS: Cosigners = {
  interval: 0,
  policyOf: ({ vkeys }) => ({ text: formatPolicy(policyFromVkeys(vkeys)), quorum: false }),
  readyIn: () => 0,
  collect: async ({ note }) => ({ note, quorum: 'none' }),
  review: () => ({ quorum: 'none', witnesses: [] }),
  lacks: () => false,
  abandon: async () => {},
}
