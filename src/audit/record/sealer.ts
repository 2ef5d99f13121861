// Records become entries: read, enriched, split by policy, sealed.
import type { LogInfo } from '../../log/types.ts'
import { draftOf } from '../event/draft.ts'
import type { PrivacyPolicy } from '../event/privacy.ts'
import type { Incoming } from '../event/types.ts'
import type { Vault } from '../vault/types.ts'
import { enrich } from './enrich.ts'
import { flagsOf } from './flags.ts'
import type { Geo } from './geo.ts'
import { createTurns } from './turns.ts'
import type { Ready, Sealer } from './types.ts'

export interface SealerOptions {
  readonly vault: Pick<Vault, 'seal' | 'forget'>
  /** What counts as personal in a log; may be another one after a change of its file. */
  readonly policyOf: (log: LogInfo['name']) => PrivacyPolicy
  /** POSIX milliseconds, for the flags of receipts. */
  readonly clock: () => number
  /** Where an address is; events say nothing of it unless given. */
  readonly geo?: Geo | undefined
}

/** Events that are read, split and sealed in one go: some milliseconds. */
const BLOCK = 256

export function createSealer({ vault, policyOf, clock, geo }: SealerOptions): Sealer {
  const turns = createTurns()
  return {
    /** Block by block, so that of what was sent nothing outlives its block. */
    async seal(log, records, source) {
      const policy = policyOf(log.name)
      const place = turns.place()
      const unread = records[Symbol.iterator]()
      const ready: Ready[] = []
      while (ready.length < records.length) {
        if (records.length > BLOCK) await turns.next(place)
        const block = take(unread, BLOCK)
        if (block.length === 0) throw new TypeError('fewer records than were said to come')
        const drafts = block.map((one) => draftOf(enrich(one, geo), source, policy))
        const sealed = await vault.seal(log.id, drafts)
        const now = clock()
        for (const [i, { envelope, entry, sidecars }] of sealed.entries()) {
          const one = block[i] as Incoming
          const quarantine = one.kind === 'raw' ? one.reason : undefined
          ready.push({ id: envelope.id, entry, sidecars, flags: flagsOf(one, now), quarantine })
        }
      }
      return ready
    },
    forget: () => vault.forget(),
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
