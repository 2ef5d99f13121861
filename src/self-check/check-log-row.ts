// What is said about a log as a whole: its row, its head, its keys, and rows that no log of its size has; against what this
// process remembers, what the guard holds and which keys are here.
import { parseVkey } from '../core/keys.ts'
import { LogError } from '../log/errors.ts'
import type { Guard, Guarded, KeyRing } from '../log/ports.ts'
import type { LogInfo } from '../log/types.ts'
import { type Collector, type Place, shown } from './finding.ts'
import type { LogState, Remembered } from './ports.ts'

/** What is known of a log outside the database. */
export interface Outside {
  readonly remembered: Remembered | undefined
  readonly guarded: Guarded | undefined
  /** This process holds the keys, so the guard is its own; and it may be read. */
  readonly ours: boolean
}

/** Reads guard and keys; what is wrong with them is a finding. */
export async function readOutside(
  info: LogInfo,
  { guard, keys }: { readonly guard: Guard; readonly keys: Pick<KeyRing, 'signers'> },
  remembered: Remembered | undefined,
  found: Collector,
): Promise<Outside> {
  if (info.mirrored) return { remembered, guarded: undefined, ours: false }
  const ours = await holdsKeys(info, keys, found)
  if (!ours) return { remembered, guarded: undefined, ours }
  try {
    return { remembered, guarded: await guard.read(info.origin), ours }
  } catch (error) {
    if (!(error instanceof LogError && error.code === 'log_halted')) throw error
    // An alarm stopped the log, and its problem says so: nobody tampered with the guard, which says nothing until it is cleared.
    if (error.evidence['reason'] !== undefined) return { remembered, guarded: undefined, ours: false }
    found.add({ table: 'guard', column: 'note', expected: 'the last signed head', found: error.message })
    return { remembered, guarded: undefined, ours }
  }
}

async function holdsKeys(info: LogInfo, keys: Pick<KeyRing, 'signers'>, found: Collector): Promise<boolean> {
  try {
    return (await keys.signers(info)).length > 0
  } catch (error) {
    if (!(error instanceof LogError && error.code === 'log_halted')) throw error
    found.add({ table: 'logs', column: 'vkeys', expected: 'the keys that are here', found: error.message })
    return false
  }
}

/** What never changes of the row of a log, as text. */
export function identityOf(info: LogInfo): string {
  const { id, name, origin, public: isPublic, dedup, mirrored, createdAt, vkeys } = info
  return JSON.stringify({ id, name, origin, public: isPublic, dedup, mirrored, created_at: createdAt, vkeys })
}

/** The row itself. */
export function checkRow(info: LogInfo, remembered: Remembered | undefined, found: Collector): void {
  for (const vkey of info.vkeys) checkVkey(info, vkey, found)
  if (remembered === undefined) return
  const now = fieldsOf(identityOf(info))
  for (const [column, was] of Object.entries(fieldsOf(remembered.identity))) {
    const is = now[column]
    if (!isContinued(was, is)) {
      found.add({ table: 'logs', column, expected: JSON.stringify(was), found: JSON.stringify(is) })
    }
  }
}

/** Keys may be added to those that were there; nothing else of the row changes. */
function isContinued(was: unknown, is: unknown): boolean {
  if (Array.isArray(was) && Array.isArray(is)) return was.every((value, i) => value === is[i])
  return was === is
}

function fieldsOf(identity: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(identity)
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
}

function checkVkey(info: LogInfo, vkey: string, found: Collector): void {
  try {
    const { name } = parseVkey(vkey)
    if (name === info.origin || info.mirrored) return
    found.add({
      table: 'logs',
      column: 'origin',
      expected: `${name}, the name of its keys`,
      found: info.origin,
    })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    found.add({ table: 'logs', column: 'vkeys', expected: 'keys of signed notes', found: message })
  }
}

/**
 * The head and the newest checkpoint: never behind what was seen, signed or guarded. @param signed size of the newest
 * checkpoint that is right
 */
export function checkNotRewound(
  state: LogState,
  { remembered, guarded }: Outside,
  signed: number,
  found: Collector,
): void {
  const size = state.head?.size
  if (state.head === undefined) {
    found.add({ table: 'heads', column: 'row', expected: 'a row', found: 'none' })
  } else if (size !== undefined) {
    const least = Math.max(signed, remembered?.size ?? 0, guarded?.size ?? 0)
    const by = least === signed ? 'signed' : least === guarded?.size ? 'in the guard' : 'seen before'
    if (size < least) {
      found.add({ table: 'heads', column: 'size', expected: `at least ${least}, ${by}`, found: String(size) })
    } else for (const { table, ...place } of state.strays) reportStray(table, place, size, found)
  }
  if (remembered !== undefined && state.newestSeq < remembered.seq) {
    const missing = { seq: state.newestSeq + 1, count: remembered.seq - state.newestSeq }
    found.add({
      table: 'checkpoints',
      ...missing,
      column: 'row',
      expected: 'a row, seen before',
      found: 'none',
    })
  }
}

function reportStray(
  table: 'entries' | 'tiles' | 'tree_heads' | 'checkpoints',
  place: Place,
  size: number,
  found: Collector,
): void {
  found.add({ table, ...place, column: 'row', expected: `none in a log of size ${size}`, found: 'a row' })
}

/** A guard that was read after the newest checkpoint knows the log, and is not behind that checkpoint. */
export function checkGuard(newest: number, guarded: Guarded | undefined, found: Collector): void {
  const place = { table: 'guard', column: 'note' } as const
  if (guarded === undefined) {
    found.add({ ...place, expected: 'the last signed head', found: 'nothing' })
  } else if (guarded.size < newest) {
    const expected = `at least ${newest}, the size of the newest checkpoint`
    found.add({ ...place, size: guarded.size, expected, found: shown(guarded.root) })
  }
}
