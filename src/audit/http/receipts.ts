// What a sender gets for its events.
import { base64 } from '../../http/respond.ts'
import type { Log, Published } from '../../log/types.ts'
import type { EventReceipt } from '../record/types.ts'

/** Proofs in one answer at most: each reads tiles. */
export const MAX_PROOFS = 256

export function describeReceipt({ id, index, leafHash, duplicate, flags, quarantine }: EventReceipt): object {
  return {
    id,
    index,
    leaf_hash: base64(leafHash),
    duplicate,
    ...(flags.length === 0 ? {} : { flags }),
    ...(quarantine === undefined ? {} : { quarantine }),
  }
}

/** Each with its `.tlog-proof`, at a checkpoint that covers all of them. */
export async function describeProved(log: Log, receipts: readonly EventReceipt[]): Promise<object[]> {
  return Promise.all(
    receipts.map(async (receipt) => ({
      ...describeReceipt(receipt),
      proof: Buffer.from(await log.proofFile(receipt.index)).toString(),
    })),
  )
}

/** The answer of the native endpoint. */
export function answerOf(log: Log, receipts: readonly object[], published?: Published): object {
  return {
    log: log.info.name,
    receipts,
    ...(published === undefined ? {} : { tree_size: published.size }),
  }
}
