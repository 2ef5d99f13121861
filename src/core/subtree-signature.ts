// Signatures of type 0x06 over any subtree, not only over a whole checkpoint: https://c2sp.org/tlog-cosignature.
import { formatTimestamped, parseTimestamped, type SubtreeStatement, subtreeMessage } from './cosignature.ts'
import { FormatError, SignatureError } from './errors.ts'
import { parseSkey, parseVkey, quote, requireMlDsa, vkeyOf } from './keys.ts'
import type { NoteSignature } from './note.ts'

/** A subtree of the log `origin`, leaves `start` to `end`, exclusive. */
export type Subtree = Pick<SubtreeStatement, 'origin' | 'start' | 'end' | 'root'>

/** Signs subtrees, without a time. */
export interface SubtreeSigner {
  readonly vkey: string
  /** @throws FormatError invalid_signature_blob for what is no subtree of a log */
  sign(subtree: Subtree): NoteSignature
}

const ML_DSA_SIGNATURE_SIZE = 2420

/**
 * @param skey a key of type 0x06, which is kept in memory
 * @throws FormatError invalid_skey; SignatureError algorithm_unavailable
 */
export function localSubtreeSigner(skey: string): SubtreeSigner {
  const { name, type, seed } = parseSkey(skey)
  if (type !== 0x06) throw new FormatError('invalid_skey', 'Only keys of type 0x06 sign subtrees.')
  const { keyId, vkey } = parseVkey(vkeyOf(skey))
  return {
    vkey,
    sign(subtree) {
      const message = subtreeMessage({ ...subtree, cosigner: name, timestamp: 0 })
      const signature = requireMlDsa(quote(name)).sign(seed, message)
      return { name, keyId, blob: formatTimestamped({ timestamp: 0, signature }) }
    },
  }
}

/**
 * Checks that the key `vkey` signed the subtree; returns the time it signed for, 0 for none.
 * @throws FormatError invalid_vkey; SignatureError signature_missing (of another key), signature_invalid, algorithm_unavailable
 */
export function verifySubtreeSignature(vkey: string, subtree: Subtree, line: NoteSignature): number {
  const key = parseVkey(vkey)
  if (key.type !== 0x06 || line.name !== key.name || line.keyId !== key.keyId) {
    throw new SignatureError(
      'signature_missing',
      `The signature of ${quote(line.name)} is not by the key ${quote(key.name)}.`,
    )
  }
  const { timestamp, signature } = parseTimestamped(line.blob, ML_DSA_SIGNATURE_SIZE)
  const message = subtreeMessage({ ...subtree, cosigner: key.name, timestamp })
  if (requireMlDsa(quote(key.name)).verify(signature, message, key.publicKey)) return timestamp
  throw new SignatureError('signature_invalid', `The subtree was not signed by ${quote(key.name)}.`, { vkey })
}
