// A store and a guard that fail where a test says: before the call did anything, or after it did all of it.
import type { Cosigners } from '../../src/log/cosigners.ts'
import { LogError } from '../../src/log/errors.ts'
import type { Guard, LogStore, SequenceTransaction } from '../../src/log/ports.ts'

/** Where something is written. */
export const WRITE_POINTS = [
  'putEntries',
  'putTiles',
  'moveHead',
  'commit',
  'appendIfAt',
  'intend',
  'guard.move',
  'collect',
  'publish',
] as const
export type FaultPoint = (typeof WRITE_POINTS)[number] | 'guard.halt'

/** `lost`: nothing was done; `kept`: it was done, but reported as failed. */
export type FaultKind = 'lost' | 'kept'

export interface Faults {
  /** Calls at this point fail until `disarm`. */
  arm(point: FaultPoint, kind: FaultKind): void
  disarm(): void
  /** How many calls failed since the last `arm`. */
  readonly fired: number
  store(store: LogStore): LogStore
  guard(guard: Guard): Guard
  cosigners(cosigners: Cosigners): Cosigners
}

export function createFaults(): Faults {
  let armed: { point: FaultPoint; kind: FaultKind } | undefined
  let fired = 0

  function fails(point: FaultPoint, kind: FaultKind): boolean {
    if (armed?.point !== point || armed.kind !== kind) return false
    fired++
    return true
  }

  async function at<T>(point: FaultPoint, work: () => Promise<T>): Promise<T> {
    if (fails(point, 'lost')) throw new LogError('store_unavailable', `test: ${point} did not happen`)
    const done = await work()
    if (fails(point, 'kept')) throw new LogError('outcome_unknown', `test: ${point} happened, or did it?`)
    return done
  }

  function faultyTransaction(tx: SequenceTransaction): SequenceTransaction {
    return {
      ...tx,
      putEntries: (fresh) => at('putEntries', () => tx.putEntries(fresh)),
      putTiles: (tiles) => at('putTiles', () => tx.putTiles(tiles)),
      moveHead: (next) => at('moveHead', () => tx.moveHead(next)),
    }
  }

  return {
    arm(point, kind) {
      armed = { point, kind }
      fired = 0
    },
    disarm() {
      armed = undefined
    },
    get fired() {
      return fired
    },
    store: (store) => ({
      ...store,
      async sequence(logId, work) {
        const done = await store.sequence(logId, async (tx) => {
          const answer = await work(faultyTransaction(tx))
          if (fails('commit', 'lost'))
            throw new LogError('store_unavailable', 'test: the commit did not happen')
          return answer
        })
        if (fails('commit', 'kept'))
          throw new LogError('outcome_unknown', 'test: the commit happened, or did it?')
        return done
      },
      appendIfAt: (...args) => at('appendIfAt', () => store.appendIfAt(...args)),
      intend: (...args) => at('intend', () => store.intend(...args)),
      publish: (...args) => at('publish', () => store.publish(...args)),
    }),
    cosigners: (cosigners) => ({
      ...cosigners,
      collect: (request) => at('collect', () => cosigners.collect(request)),
    }),
    guard: (guard) => ({
      read: (origin) => guard.read(origin),
      move: (...args) => at('guard.move', () => guard.move(...args)),
      halt: (...args) => at('guard.halt', () => guard.halt(...args)),
    }),
  }
}
