// One look at a log: everything about it as a whole, then ranges of its entries with all that stands above them.
import type { Signer } from '../core/signer.ts'
import type { Guard, Guarded, KeyRing } from '../log/ports.ts'
import type { Head, LogInfo, Published } from '../log/types.ts'
import type { Claim, Trail } from './check-claims.ts'
import {
  checkGuard,
  checkNotRewound,
  checkRow,
  identityOf,
  type Outside,
  readOutside,
} from './check-log-row.ts'
import { createNoteChecker, type NoteChecker } from './check-notes.ts'
import { checkRange } from './check-range.ts'
import type { Collector } from './finding.ts'
import type { Breathe, Remembered, Scan } from './ports.ts'

export interface CheckPorts {
  readonly scan: Scan
  readonly guard: Guard
  readonly keys: Pick<KeyRing, 'signers'>
}

/** A log as it was when the look began. What comes later is not looked at. */
export interface Look {
  readonly info: LogInfo
  readonly head: Head
  readonly newestSeq: number
  /** What to remember of it. */
  readonly identity: string
  readonly outside: Outside
}

export interface Looker {
  readonly notes: NoteChecker
  /**
   * The row, the head, the newest checkpoint, the guard. Undefined when the log is gone or has no head: nothing else of it can
   * be checked then.
   */
  begin(info: LogInfo, remembered: Remembered | undefined, found: Collector): Promise<Look | undefined>
  /** A range of entries; see RangeCheck. @param signed checkpoints that are right */
  range(
    look: Look,
    range: { readonly start: number; readonly end: number },
    signed: readonly Claim[],
    trail: Trail,
    found: Collector,
  ): Promise<void>
}

export function createLooker({ scan, guard, keys }: CheckPorts, breathe: Breathe): Looker {
  const notes = createNoteChecker(scan, breathe)
  const ring = remembering(keys)

  return {
    notes,
    async begin({ id }, remembered, found) {
      // The guard first: it is never ahead of a head that is read after it. The row after the state: a key that was retired
      // meanwhile is not missed in a checkpoint from before.
      const earlier = (await scan.logs()).find((log) => log.id === id)
      if (earlier === undefined) return undefined
      const outside = await readOutside(earlier, { guard, keys: ring }, remembered, found)
      const state = await scan.state(id)
      const info = (await scan.logs()).find((log) => log.id === id)
      if (info === undefined) return undefined
      checkRow(info, remembered, found)
      const newest = await newestRight(notes, info, state.newestSeq, found)
      checkNotRewound(state, outside, newest?.size ?? 0, found)
      if (state.head !== undefined && state.state !== info.state) await checkState(scan, id, found)
      if (outside.ours && state.newestSeq >= 0 && !found.findings.some(({ table }) => table === 'guard')) {
        checkGuard(newest?.size ?? 0, await laterGuard(guard, info, outside.guarded), found)
      }
      if (state.head === undefined) return undefined
      return { info, head: state.head, newestSeq: state.newestSeq, identity: identityOf(info), outside }
    },
    async range(look, { start, end }, signed, trail, found) {
      const claims = await claimsOf(scan, look, start, end, signed)
      await checkRange({ scan, ...look, start, end, claims, trail, found, breathe })
    },
  }
}

async function newestRight(
  notes: NoteChecker,
  info: LogInfo,
  seq: number,
  found: Collector,
): Promise<Published | undefined> {
  return seq < 0 ? undefined : (await notes.glance(info, seq, seq + 1, found))[0]
}

/** The guard after the newest checkpoint was read: it moves before that is published. */
async function laterGuard(
  guard: Guard,
  info: LogInfo,
  before: Guarded | undefined,
): Promise<Guarded | undefined> {
  return (await guard.read(info.origin)) ?? before
}

/** What a checkpoint claims, without its note. */
export function claimOf({ size, root, seq }: Published): Claim {
  return { size, root, seq, by: 'checkpoint' }
}

/** A state stands in two places: what was said of the log, and the row that every append locks. */
async function checkState(scan: Scan, id: number, found: Collector): Promise<void> {
  // Once more: it may have changed between the two.
  const { state } = await scan.state(id)
  const info = (await scan.logs()).find((log) => log.id === id)
  if (info === undefined || state === info.state) return
  found.add({ table: 'heads', column: 'state', expected: info.state, found: String(state) })
}

/** Opening keys may take a passphrase and a tenth of a second: only when something about the log is new. */
function remembering(keys: Pick<KeyRing, 'signers'>): Pick<KeyRing, 'signers'> {
  const known = new Map<number, { of: string; signers: readonly Signer[] }>()
  return {
    async signers(info) {
      const of = JSON.stringify([info.name, info.origin, info.vkeys, info.signing])
      const before = known.get(info.id)
      if (before?.of === of) return before.signers
      const signers = await keys.signers(info)
      if (signers.length > 0) known.set(info.id, { of, signers })
      return signers
    },
  }
}

async function claimsOf(
  scan: Scan,
  { info, head, outside: { guarded } }: Look,
  start: number,
  end: number,
  signed: readonly Claim[],
): Promise<Claim[]> {
  const above = start === 0 ? -1 : start
  const within = (size: number): boolean => size > above && size <= end
  const claims = signed.filter(({ size }) => within(size))
  for (const { size, root } of await scan.treeHeads(info.id, above, end))
    claims.push({ size, root, by: 'tree_head' })
  if (guarded !== undefined && within(guarded.size)) {
    claims.push({ size: guarded.size, root: guarded.root, by: 'guard' })
  }
  if (within(head.size)) claims.push({ ...head, by: 'head' })
  return claims.toSorted((a, b) => a.size - b.size)
}
