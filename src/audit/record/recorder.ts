// The one way in for events: enriched, split by policy, sealed, appended together with what is kept beside the log.
import { hashLeaf } from '../../core/hash.ts'
import { LogError } from '../../log/errors.ts'
import type { Appended, Log } from '../../log/types.ts'
import { draftOf } from '../event/draft.ts'
import type { PrivacyPolicy } from '../event/privacy.ts'
import type { Incoming } from '../event/types.ts'
import { StaleSubject } from '../vault/sidecars.ts'
import type { Sealed, Vault } from '../vault/types.ts'
import { chunksOf } from './chunks.ts'
import { enrich } from './enrich.ts'
import { flagsOf } from './flags.ts'
import type { Geo } from './geo.ts'
import type { EventReceipt, Recorder } from './types.ts'

export interface RecorderOptions {
  readonly vault: Vault
  /** What counts as personal in a log; may be another one after a change of its file. */
  readonly policyOf: (log: Log) => PrivacyPolicy
  /** POSIX milliseconds, for the flags of receipts. */
  readonly clock: () => number
  /** Where an address is; events say nothing of it unless given. */
  readonly geo?: Geo
}

export function createRecorder({ vault, policyOf, clock, geo }: RecorderOptions): Recorder {
  function seal(log: Log, incoming: readonly Incoming[], source: string): Promise<Sealed[]> {
    const policy = policyOf(log)
    const drafts = incoming.map((one) => draftOf(enrich(one, geo), source, policy))
    return vault.seal(log.info.id, drafts)
  }

  async function store(log: Log, incoming: readonly Incoming[], source: string): Promise<EventReceipt[]> {
    const receipts: EventReceipt[] = []
    for (const chunk of chunksOf(await seal(log, incoming, source))) {
      const at = receipts.length
      const appended = await append(log, chunk)
      receipts.push(...receiptsOf(incoming.slice(at, at + chunk.length), chunk, appended, clock()))
    }
    return receipts
  }

  return {
    async record(log, incoming, source) {
      if (incoming.length === 0) return []
      try {
        return await store(log, incoming, source)
      } catch (error) {
        if (!isStale(error)) throw error
        // Somebody was erased between sealing and storing; what was stored of it already is found again by its bytes.
        vault.forget()
        return store(log, incoming, source)
      }
    },
    async preview(log, incoming, source) {
      const sealed = await seal(log, incoming, source)
      return sealed.map(({ envelope, entry }) => ({ id: envelope.id, leafHash: hashLeaf(entry) }))
    },
  }
}

function append(log: Log, sealed: readonly Sealed[]): Promise<Appended[]> {
  const entries = sealed.map(({ entry }) => entry)
  // Nothing personal in any of them: the engine has a faster way for entries alone.
  if (sealed.every(({ sidecars }) => sidecars.length === 0)) return log.append(entries)
  return log.append(
    entries,
    sealed.map(({ sidecars }) => sidecars),
  )
}

/** The engine says of whatever a transaction throws that nothing was stored, and why. */
function isStale(error: unknown): boolean {
  return error instanceof LogError && error.cause instanceof StaleSubject
}

function receiptsOf(
  incoming: readonly Incoming[],
  sealed: readonly Sealed[],
  appended: readonly Appended[],
  now: number,
): EventReceipt[] {
  return appended.map(({ index, leafHash, duplicate }, i) => {
    const one = incoming[i]
    const envelope = sealed[i]?.envelope
    if (one === undefined || envelope === undefined) throw new TypeError('more receipts than entries')
    const receipt = { id: envelope.id, index, leafHash, duplicate, flags: flagsOf(one, now) }
    return one.kind === 'raw' ? { ...receipt, quarantine: one.reason } : receipt
  })
}
