// Signing and verifying checkpoints with a key of any of the three types.

import { encodeUtf8 } from './bytes.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { cosignatureMessage, formatTimestamped, parseTimestamped, subtreeMessage } from './cosignature.ts'
import { primitives } from './crypto.ts'
import { FormatError, SignatureError } from './errors.ts'
import {
  type KeyType,
  parseSkey,
  parseVkey,
  quote,
  requireMlDsa,
  vkeyOf,
  type VerificationKey,
} from './keys.ts'
import type { Note, NoteSignature, VerifiedSignature, Verifier } from './note.ts'

/**
 * Holds one private key. `sign` takes the text of a note (for types 0x04 and 0x06: of a checkpoint) and the time in seconds,
 * which type 0x01 ignores. Whoever implements it over a remote key MUST return a signature of exactly that text.
 */
export interface Signer {
  readonly name: string
  readonly keyId: number
  readonly type: KeyType
  readonly vkey: string
  sign(text: string, timestamp: number): Promise<NoteSignature> | NoteSignature
}

const ED25519_SIGNATURE_SIZE = 64
const ML_DSA_SIGNATURE_SIZE = 2420

/**
 * A signer that keeps the private key in memory.
 * @throws FormatError invalid_skey; SignatureError algorithm_unavailable. `sign` throws FormatError for a text that its
 * type cannot sign: 0x04 and 0x06 sign checkpoints only, and 0x06 none with extension lines.
 */
export function localSigner(skey: string): Signer {
  const { name, type, seed } = parseSkey(skey)
  const key = parseVkey(vkeyOf(skey))
  function sign(text: string, timestamp: number): NoteSignature {
    const message = signedMessage(key, text, encodeUtf8(text), timestamp)
    const signature =
      type === 0x06 ? requireMlDsa(quote(name)).sign(seed, message) : primitives.ed25519Sign(seed, message)
    return {
      name,
      keyId: key.keyId,
      blob: type === 0x01 ? signature : formatTimestamped({ timestamp, signature }),
    }
  }
  return { name, keyId: key.keyId, type, vkey: key.vkey, sign }
}

/**
 * A verifier for openNote.
 * @throws FormatError invalid_vkey. `verify` throws SignatureError signature_invalid or algorithm_unavailable, never
 * another error: what is wrong with a signature of a known key refuses the note.
 */
export function verifierOf(vkey: string | VerificationKey): Verifier {
  const key = typeof vkey === 'string' ? parseVkey(vkey) : vkey
  return {
    name: key.name,
    keyId: key.keyId,
    vkey: key.vkey,
    verify: (note, signature) => verifyWith(key, note, signature),
  }
}

function verifyWith(key: VerificationKey, note: Note, signature: NoteSignature): VerifiedSignature {
  const { timestamp, raw, message } = signedParts(key, note, signature.blob)
  const good =
    key.type === 0x06
      ? requireMlDsa(`The signature of ${quote(key.name)}`).verify(raw, message, key.publicKey)
      : primitives.ed25519Verify(raw, message, key.publicKey)
  if (!good) throw invalid(key, 'it does not verify.')
  return { ...signature, vkey: key.vkey, timestamp: key.type === 0x01 ? undefined : timestamp }
}

type SignedParts = { timestamp: number; raw: Uint8Array; message: Uint8Array }

function signedParts(key: VerificationKey, note: Note, blob: Uint8Array): SignedParts {
  const size = key.type === 0x06 ? ML_DSA_SIGNATURE_SIZE : ED25519_SIGNATURE_SIZE
  try {
    // The primitive refuses a signature of another length, as the contract of Primitives has it.
    if (key.type === 0x01) return { timestamp: 0, raw: blob, message: note.textBytes }
    const { timestamp, signature } = parseTimestamped(blob, size)
    return { timestamp, raw: signature, message: signedMessage(key, note.text, note.textBytes, timestamp) }
  } catch (error) {
    if (error instanceof FormatError) throw invalid(key, error.message)
    throw error
  }
}

/**
 * What a key signs for the text of a note: the text itself (0x01), or the message of a cosignature at `timestamp` seconds.
 * A signature of type 0x06 says nothing about extension lines, so a checkpoint that has some is refused instead of half trusted.
 * @throws FormatError `invalid_checkpoint`
 */
export function signedMessage(
  key: VerificationKey,
  text: string,
  textBytes: Uint8Array,
  timestamp: number,
): Uint8Array {
  if (key.type === 0x01) return textBytes
  const { origin, size, root, extensions } = parseCheckpoint(text)
  if (key.type === 0x04) return cosignatureMessage(timestamp, textBytes)
  if (extensions.length > 0) {
    throw new FormatError(
      'invalid_checkpoint',
      'ML-DSA-44 does not sign extension lines; drop them from the checkpoint.',
    )
  }
  return subtreeMessage({ cosigner: key.name, timestamp, origin, start: 0, end: size, root })
}

function invalid(key: VerificationKey, what: string): SignatureError {
  return new SignatureError(
    'signature_invalid',
    `The signature of the known key ${quote(key.name)} is refused: ${what}`,
    {
      vkey: key.vkey,
    },
  )
}
