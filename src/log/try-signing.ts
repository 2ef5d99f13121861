import type { Signer } from '../core/signer.ts'

/**
 * Has every signer sign, so that keys that do not work are found before anybody relies on them.
 * @param text of a checkpoint that they may sign
 * @param now POSIX milliseconds
 * @throws what `sign` throws
 */
export async function trySigning(signers: readonly Signer[], text: string, now: number): Promise<void> {
  for (const signer of signers) await signer.sign(text, Math.floor(now / 1000))
}
