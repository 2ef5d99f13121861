// Who signed a checkpoint, and whether the log is one that we know: what has to hold before anything is computed for it.
import { decodeUtf8 } from '../core/bytes.ts'
import { type Checkpoint, parseCheckpoint } from '../core/checkpoint.ts'
import { FormatError, SignatureError } from '../core/errors.ts'
import { type Note, openNote, parseNote, type VerifiedSignature, type Verifier } from '../core/note.ts'
import { Refusal } from './refusal.ts'

/** The logs that are known, by origin. */
export interface LogVerifiers {
  /** The log's keys; undefined for an origin that is not known. */
  verifiersOf(origin: string): readonly Verifier[] | undefined
}

/** A checkpoint and the signatures on it that verified, in the order of the note. */
export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint
  readonly verified: readonly VerifiedSignature[]
  /** As it was signed. */
  readonly text: string
}

const LF = 0x0a

/**
 * The first line of a note, which names the log before anything of the note is believed.
 * @throws Refusal `malformed`
 */
export function originOf(note: Uint8Array): string {
  const end = note.indexOf(LF)
  return refusing('malformed', () => decodeUtf8(end < 0 ? note : note.subarray(0, end)))
}

/**
 * Opens a note as a checkpoint of `origin`: its syntax, its signatures, its text, in the order of the protocol.
 * @throws Refusal `malformed`; `not_signed` when no key signed it, or a signature of one of the keys is wrong
 */
export function openCheckpoint(
  origin: string,
  source: Uint8Array,
  verifiers: readonly Verifier[],
): OpenedCheckpoint {
  const note = refusing('malformed', () => parseNote(source))
  const verified = verify(note, verifiers)
  const checkpoint = refusing('malformed', () => parseCheckpoint(note.text))
  if (checkpoint.origin !== origin) throw new Refusal('malformed', 'The origin is not the first line.')
  // No signature of type 0x06 covers them, and a cosignature must not say of half the text that it was seen.
  if (checkpoint.extensions.length > 0)
    throw new Refusal('malformed', 'Checkpoints with extension lines are not cosigned.')
  return { checkpoint, verified, text: note.text }
}

/** Runs a parser; what is not in its format is refused. @throws Refusal */
export function refusing<T>(code: 'malformed', parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (cause instanceof FormatError) throw new Refusal(code, cause.message, {}, { cause })
    throw cause
  }
}

function verify(note: Note, verifiers: readonly Verifier[]): readonly VerifiedSignature[] {
  try {
    return openNote(note, verifiers).verified
  } catch (cause) {
    if (cause instanceof SignatureError) throw new Refusal('not_signed', cause.message, {}, { cause })
    throw cause
  }
}
