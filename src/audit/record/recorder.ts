// The one way in for events: enriched, split by policy, sealed, appended together with what is kept beside the log.
import { hashLeaf } from '../../core/hash.ts'
import { LogError } from '../../log/errors.ts'
import type { Appended, Log } from '../../log/types.ts'
import { draftOf } from '../event/draft.ts'
import type { PrivacyPolicy } from '../event/privacy.ts'
import type { Incoming, Records } from '../event/types.ts'
import { StaleSubject } from '../vault/sidecars.ts'
import type { Vault } from '../vault/types.ts'
import { chunksOf } from './chunks.ts'
import { enrich } from './enrich.ts'
import { flagsOf } from './flags.ts'
import type { Geo } from './geo.ts'
import { createTurns } from './turns.ts'
import type { EventReceipt, Ready, Recorder } from './types.ts'

export interface RecorderOptions {
  readonly vault: Vault
  /** What counts as personal in a log; may be another one after a change of its file. */
  readonly policyOf: (log: Log) => PrivacyPolicy
  /** POSIX milliseconds, for the flags of receipts. */
  readonly clock: () => number
  /** Where an address is; events say nothing of it unless given. */
  readonly geo?: Geo
}

/** Events that are read, split and sealed in one go: some milliseconds. */
const BLOCK = 256

export function createRecorder({ vault, policyOf, clock, geo }: RecorderOptions): Recorder {
  const turns = createTurns()

  /** Block by block, so that of what was sent nothing outlives its block. */
  async function seal(log: Log, records: Records, source: string): Promise<Ready[]> {
    const policy = policyOf(log)
    const place = turns.place()
    const unread = records[Symbol.iterator]()
    const ready: Ready[] = []
    while (ready.length < records.length) {
      if (records.length > BLOCK) await turns.next(place)
      const block = take(unread, BLOCK)
      if (block.length === 0) throw new TypeError('fewer records than were said to come')
      const drafts = block.map((one) => draftOf(enrich(one, geo), source, policy))
      const sealed = await vault.seal(log.info.id, drafts)
      const now = clock()
      for (const [i, { envelope, entry, sidecars }] of sealed.entries()) {
        const one = block[i] as Incoming
        const quarantine = one.kind === 'raw' ? one.reason : undefined
        ready.push({ id: envelope.id, entry, sidecars, flags: flagsOf(one, now), quarantine })
      }
    }
    return ready
  }

  async function store(log: Log, records: Records, source: string): Promise<EventReceipt[]> {
    const receipts: EventReceipt[] = []
    for (const chunk of chunksOf(await seal(log, records, source)))
      receipts.push(...receiptsOf(chunk, await append(log, chunk)))
    return receipts
  }

  return {
    async record(log, records, source) {
      if (records.length === 0) return []
      try {
        return await store(log, records, source)
      } catch (error) {
        if (!isStale(error)) throw error
        // Somebody was erased between sealing and storing; what was stored of it already is found again by its bytes.
        vault.forget()
        return store(log, records, source)
      }
    },
    async preview(log, records, source) {
      const ready = await seal(log, records, source)
      return ready.map(({ id, entry }) => ({ id, leafHash: hashLeaf(entry) }))
    },
  }
}

function take(unread: Iterator<Incoming>, most: number): Incoming[] {
  const taken: Incoming[] = []
  while (taken.length < most) {
    const { done, value } = unread.next()
    if (done === true) break
    taken.push(value)
  }
  return taken
}

function append(log: Log, ready: readonly Ready[]): Promise<Appended[]> {
  const entries = ready.map(({ entry }) => entry)
  // Nothing personal in any of them: the engine has a faster way for entries alone.
  if (ready.every(({ sidecars }) => sidecars.length === 0)) return log.append(entries)
  return log.append(
    entries,
    ready.map(({ sidecars }) => sidecars),
  )
}

/** The engine says of whatever a transaction throws that nothing was stored, and why. */
function isStale(error: unknown): boolean {
  return error instanceof LogError && error.cause instanceof StaleSubject
}

function receiptsOf(ready: readonly Ready[], appended: readonly Appended[]): EventReceipt[] {
  return appended.map(({ index, leafHash, duplicate }, i) => {
    const one = ready[i]
    if (one === undefined) throw new TypeError('more receipts than entries')
    const { id, flags, quarantine } = one
    const receipt = { id, index, leafHash, duplicate, flags }
    return quarantine === undefined ? receipt : { ...receipt, quarantine }
  })
}
