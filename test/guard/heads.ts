// Signed heads for the tests of guards.
import { formatCheckpoint } from '../../src/core/checkpoint.ts'
import { EMPTY_ROOT } from '../../src/core/hash.ts'
import { generateSkey } from '../../src/core/keys.ts'
import { localSigner } from '../../src/core/signer.ts'
import type { Guarded } from '../../src/log/ports.ts'
import { installNodeCrypto } from '../../src/node-crypto.ts'
import { signNote } from '../support/note-vectors.ts'

installNodeCrypto()

export const ORIGIN = 'log.example/logs/a'
export const OTHER_ORIGIN = 'log.example/logs/b'
export const signer = localSigner(generateSkey(ORIGIN, 0x01, new Uint8Array(32).fill(1)))

/** A head of that size, the root of which is anything. */
export async function headOf(size: number, origin = ORIGIN): Promise<Guarded> {
  const text = formatCheckpoint({ origin, size, root: EMPTY_ROOT, extensions: [] })
  return { size, root: EMPTY_ROOT, note: await signNote(text, [signer], 1_700_000_000) }
}
