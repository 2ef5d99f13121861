// Signing with a private key that somebody else holds.
import { encodeUtf8 } from './bytes.ts'
import { formatTimestamped } from './cosignature.ts'
import { parseVkey } from './keys.ts'
import { formatNote, parseNote } from './note.ts'
import { signedMessage, type Signer, verifierOf } from './signer.ts'

/**
 * The signer of a vkey. Every signature is verified before it is given out.
 * @param signRaw signs a message: 64 bytes of Ed25519, or 2,420 of ML-DSA-44 with an empty context
 * @throws FormatError invalid_vkey. `sign` throws what `signRaw` throws, SignatureError signature_invalid when the key
 * behind it is another one, FormatError for a text that the type cannot sign
 */
export function remoteSigner(vkey: string, signRaw: (message: Uint8Array) => Promise<Uint8Array>): Signer {
  const key = parseVkey(vkey)
  const { name, keyId, type } = key
  const verifier = verifierOf(key)
  return {
    name,
    keyId,
    type,
    vkey,
    async sign(text, timestamp) {
      const raw = await signRaw(signedMessage(key, text, encodeUtf8(text), timestamp))
      const blob = type === 0x01 ? raw : formatTimestamped({ timestamp, signature: raw })
      const signature = { name, keyId, blob }
      verifier.verify(parseNote(formatNote(text, [signature])), signature)
      return signature
    },
  }
}
