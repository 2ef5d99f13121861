// The one way in for events: sealed, and appended together with what is kept beside the log.
import { hashLeaf } from '../../core/hash.ts'
import { LogError } from '../../log/errors.ts'
import type { Appended, Log } from '../../log/types.ts'
import type { Records } from '../event/types.ts'
import { StaleSubject } from '../vault/sidecars.ts'
import { chunksOf } from './chunks.ts'
import type { EventReceipt, Ready, Recorder, Sealer } from './types.ts'

export function createRecorder(sealer: Sealer): Recorder {
  async function store(log: Log, records: Records, source: string): Promise<EventReceipt[]> {
    const receipts: EventReceipt[] = []
    for (const chunk of chunksOf(await sealer.seal(log.info, records, source)))
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
        sealer.forget()
        return store(log, records, source)
      }
    },
    async preview(log, records, source) {
      const ready = await sealer.seal(log.info, records, source)
      return ready.map(({ id, entry }) => ({ id, leafHash: hashLeaf(entry) }))
    },
  }
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
