import type { Signer } from '../core/signer.ts'
import type { KeyRing } from './ports.ts'
import type { LogInfo } from './types.ts'

/** Remembers the signers of each log until other keys sign for it; those that could not be had are asked for again. */
export function createSigners(keys: KeyRing): (info: LogInfo) => Promise<readonly Signer[]> {
  const known = new Map<number, { vkeys: string; signers: readonly Signer[] }>()
  return async (info) => {
    const vkeys = info.signing.join('\n')
    const remembered = known.get(info.id)
    if (remembered?.vkeys === vkeys) return remembered.signers
    const signers = await keys.signers(info)
    if (signers.length > 0) known.set(info.id, { vkeys, signers })
    return signers
  }
}
