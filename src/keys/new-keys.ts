import { randomBytes } from 'node:crypto'
import { generateSkey } from '../core/keys.ts'
import { encryptKeys } from './encrypted-key.ts'

/** Lines of a key file with a new pair, Ed25519 and ML-DSA-44; encrypted when there is a passphrase. */
export async function newKeyLines(origin: string, passphrase: string | undefined): Promise<string[]> {
  const skeys = ([0x01, 0x06] as const).map((type) => generateSkey(origin, type, randomBytes(32)))
  return passphrase === undefined ? skeys : encryptedLines(skeys, passphrase)
}

/** The same keys, encrypted, as lines of a key file. */
export async function encryptedLines(skeys: readonly string[], passphrase: string): Promise<string[]> {
  return (await encryptKeys(skeys, passphrase)).map(({ vkey, blob }) => `encrypted ${vkey} ${blob}`)
}
