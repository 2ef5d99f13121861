// Signed notes, https://c2sp.org/signed-note: text, an empty line, signature lines. The signed region is bytes, never a
// string that went through a lossy decoder.
import { concat, decodeUtf8, encodeUtf8, fromBase64, readU32, toBase64, writeU32 } from './bytes.ts'
import { FormatError, SignatureError } from './errors.ts'
import { quote, validKeyName } from './keys.ts'
import { parsePart } from './parse-part.ts'

/** One signature line. `blob` is what follows the four bytes of the key ID, at least one byte. */
export type NoteSignature = { readonly name: string; readonly keyId: number; readonly blob: Uint8Array }
/** A note that was parsed, not verified. `text` ends in a newline; `textBytes` are the signed bytes. */
export type Note = {
  readonly text: string
  readonly textBytes: Uint8Array
  readonly signatures: readonly NoteSignature[]
}
/** A signature that verified under `vkey`; `timestamp` is in seconds, undefined for type 0x01, which has none. */
export type VerifiedSignature = NoteSignature & {
  readonly vkey: string
  readonly timestamp: number | undefined
}
/** Verifies the signatures of one key. `verify` returns what it verified or throws SignatureError. */
export type Verifier = {
  readonly name: string
  readonly keyId: number
  readonly vkey: string
  verify(note: Note, signature: NoteSignature): VerifiedSignature
}
/** What openNote vouches for: the note, and its signatures that verified, in the order of the note. */
export type OpenedNote = { readonly note: Note; readonly verified: readonly VerifiedSignature[] }

/** Largest note in bytes: 100 lines of ML-DSA-44 signatures take 350 kB. */
export const MAX_NOTE_SIZE = 1_000_000
/** Most signature lines of a note, as in golang.org/x/mod/sumdb/note. */
export const MAX_NOTE_SIGNATURES = 100
const LF = 0x0a
const LINE_PREFIX = '— '
/** Stands for the text where only signature lines are read or written. */
const NO_TEXT = 'signatures\n'

/**
 * Parses without verifying: the text must not be used before openNote has vouched for it.
 * @throws FormatError invalid_note, invalid_utf8
 */
export function parseNote(source: Uint8Array): Note {
  checkBytes(source)
  const bytes = new Uint8Array(source) // a copy, and never a Buffer, whose slice() shares memory
  const split = lastEmptyLine(bytes)
  const textBytes = bytes.slice(0, split)
  const lines = decodeUtf8(bytes.subarray(split + 1)).split('\n')
  if (lines.pop() !== '') throw malformed('the last signature line does not end in a newline')
  if (lines.length === 0) throw malformed('there is no signature line after the empty line')
  if (lines.length > MAX_NOTE_SIGNATURES) {
    throw malformed(`there are ${lines.length} signature lines; at most ${MAX_NOTE_SIGNATURES} are read`)
  }
  return { text: decodeUtf8(textBytes), textBytes, signatures: lines.map(parseLine) }
}

/**
 * The bytes of a note.
 * @throws FormatError invalid_note if the parts do not make a note that parses to the same parts.
 */
export function formatNote(text: string, signatures: readonly NoteSignature[]): Uint8Array {
  if (!text.endsWith('\n')) throw malformed('the text does not end in a newline')
  for (const { name, blob } of signatures) {
    if (!validKeyName(name)) throw malformed(`${quote(name)} is no key name`)
    if (blob.length === 0) throw malformed(`the signature of ${quote(name)} is empty`)
  }
  const lines = signatures.map(
    (s) => `${LINE_PREFIX}${s.name} ${toBase64(concat(writeU32(s.keyId), s.blob))}\n`,
  )
  const bytes = encodeUtf8(`${text}\n${lines.join('')}`)
  // A lone surrogate has no UTF-8 form: what would be signed is not what was asked for.
  if (parseNote(bytes).text !== text) throw malformed('the text has no exact UTF-8 form')
  return bytes
}

/** Signature lines, as they stand below the empty line of a note. @throws FormatError invalid_note */
export function formatSignatures(signatures: readonly NoteSignature[]): Uint8Array {
  return formatNote(NO_TEXT, signatures).slice(NO_TEXT.length + 1)
}

/** Signature lines without the note that they belong to, not verified. @throws FormatError invalid_note, invalid_utf8 */
export function parseSignatures(lines: Uint8Array): readonly NoteSignature[] {
  const { text, signatures } = parseNote(concat(encodeUtf8(`${NO_TEXT}\n`), lines))
  if (text !== NO_TEXT) throw malformed('there is an empty line between the signatures')
  return signatures
}

/**
 * Verifies a note (signed-note, "Signatures"): signatures of unknown keys are ignored, one of a known key that does not
 * verify refuses the whole note, and so does the lack of any known one. Of several lines of one known key the first counts.
 * @throws FormatError as parseNote; SignatureError signature_missing, signature_invalid, algorithm_unavailable
 */
export function openNote(source: Note | Uint8Array, verifiers: readonly Verifier[]): OpenedNote {
  const note = source instanceof Uint8Array ? parseNote(source) : source
  const verified: VerifiedSignature[] = []
  for (const signature of note.signatures) {
    const verifier = findVerifier(verifiers, signature)
    if (!verifier || verified.some((v) => v.vkey === verifier.vkey)) continue
    verified.push(verifier.verify(note, signature))
  }
  if (verified.length > 0) return { note, verified }
  throw new SignatureError(
    'signature_missing',
    'No signature of the note is by a known key; bring the vkey of a signer that can be trusted.',
    {
      signedBy: note.signatures.map((s) => s.name),
      knownKeys: verifiers.map((v) => v.name),
    },
  )
}

// Name and key ID together name a key. Two different known keys may collide by an attacker's work: then neither counts.
function findVerifier(verifiers: readonly Verifier[], { name, keyId }: NoteSignature): Verifier | undefined {
  const found = verifiers.filter((v) => v.name === name && v.keyId === keyId)
  if (found.some((v) => v.vkey !== found[0]?.vkey)) {
    throw new SignatureError(
      'signature_invalid',
      `Two known keys named ${quote(name)} share one key ID; drop one of them.`,
    )
  }
  return found[0]
}

function parseLine(line: string, at: number): NoteSignature {
  const where = `signature line ${at + 1}`
  const [name, base64, ...rest] = line.slice(LINE_PREFIX.length).split(' ')
  if (!line.startsWith(LINE_PREFIX) || name === undefined || base64 === undefined || rest.length > 0) {
    throw malformed(`${where} is not "— <name> <base64>"`)
  }
  if (!validKeyName(name)) throw malformed(`${where}: ${quote(name)} is no key name`)
  const bytes = parsePart('invalid_note', where, () => fromBase64(base64))
  if (bytes.length < 5)
    throw malformed(`${where} holds ${bytes.length} bytes; a key ID and a signature need at least 5`)
  return { name, keyId: readU32(bytes, 0), blob: bytes.slice(4) }
}

function checkBytes(bytes: Uint8Array): void {
  if (bytes.length > MAX_NOTE_SIZE)
    throw malformed(`${bytes.length} bytes; a note has at most ${MAX_NOTE_SIZE}`)
  const control = bytes.findIndex((byte) => byte < 0x20 && byte !== LF)
  if (control >= 0) throw malformed(`control character at byte ${control}; newline is the only one allowed`)
}

/** Offset of the second newline of the last empty line: the text ends before it, the signatures begin after it. */
function lastEmptyLine(bytes: Uint8Array): number {
  for (let at = bytes.lastIndexOf(LF); at > 0; at = bytes.lastIndexOf(LF, at - 1)) {
    if (bytes[at - 1] === LF) return at
  }
  throw malformed('there is no empty line between text and signatures')
}

function malformed(what: string): FormatError {
  return new FormatError('invalid_note', `Not a signed note: ${what}.`)
}
