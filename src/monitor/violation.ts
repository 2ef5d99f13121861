// What a monitor finds against a log: a closed list of codes, and the signed notes that show it.
import { decodeUtf8 } from '../core/bytes.ts'
import { FormatError, ProoflogError } from '../core/errors.ts'
import type { Hash } from '../core/hash.ts'

export type ViolationCode =
  /** What is served as a checkpoint is none. */
  | 'checkpoint_malformed'
  /** No believed key of the log signed, or a signature of a known key is wrong. */
  | 'signature_refused'
  | 'quorum_missed'
  /** Nothing new was signed, or served, for longer than allowed. */
  | 'stale'
  /** Smaller than before. */
  | 'rewound'
  /** Two signed trees, of which neither continues the other. */
  | 'fork'
  /** The same, between what is served here and what a witness or a mirror has seen. */
  | 'split_view'
  /** A witness or a mirror has seen more than is served here, for longer than allowed. */
  | 'head_withheld'
  | 'entry_differs'
  | 'tile_differs'
  | 'tile_missing'
  /** Entries or tiles do not give the root that was signed. */
  | 'root_differs'

/** Both as served; a note may be anything when it was refused. */
export interface Notes {
  /** What was seen before, or by another. */
  readonly remembered?: Uint8Array | undefined
  readonly offered?: Uint8Array | undefined
}

/**
 * Proves without the log that one signed tree does not continue another: `root` is the root that the first tree has at the size
 * of the second, as the consistency proof shows, and it is not the root that was signed for that size.
 */
export interface Divergence {
  readonly root: Hash
  readonly proof: readonly Hash[]
}

export interface ViolationParts {
  readonly notes?: Notes
  readonly divergence?: Divergence | undefined
  /** Address of the witness or mirror that has the remembered note. */
  readonly heldBy?: string
  readonly cause?: unknown
}

/** `evidence` holds the notes as text, as far as they are text. */
export class Violation extends ProoflogError {
  readonly code: ViolationCode
  readonly notes: Notes
  readonly divergence: Divergence | undefined
  readonly heldBy: string | undefined

  constructor(
    code: ViolationCode,
    message: string,
    { notes = {}, divergence, heldBy, cause }: ViolationParts = {},
  ) {
    super(message, { remembered: textOf(notes.remembered), offered: textOf(notes.offered) }, { cause })
    this.code = code
    this.notes = notes
    this.divergence = divergence
    this.heldBy = heldBy
  }
}

function textOf(note: Uint8Array | undefined): string | undefined {
  try {
    return note && decodeUtf8(note)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
