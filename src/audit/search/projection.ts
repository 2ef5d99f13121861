// From events to rows.
import type { Log } from '../../log/types.ts'
import type { LogClock } from '../follow/log-clock.ts'
import type { ReadEvent } from '../follow/read-events.ts'
import type { OnDamage, Vault } from '../vault/types.ts'
import { type Row, rowOf } from './rows.ts'
import type { Terms } from './terms.ts'

/** Of the cursor. */
export const SEARCH = 'search'

export interface Projection {
  readonly log: Log
  readonly vault: Pick<Vault, 'open'>
  readonly clock: LogClock
  readonly terms: Terms
  readonly onDamage: OnDamage
}

/** Events between two breaths of the process: some milliseconds. */
const BREATH = 128

/** The same events give the same rows, whenever. */
export async function project({ clock, terms }: Projection, events: readonly ReadEvent[]): Promise<Row[]> {
  const rows: Row[] = []
  for (const [i, event] of events.entries()) {
    rows.push(rowOf(event, await clock.takenAt(event.index), terms))
    if (i % BREATH === BREATH - 1) await new Promise(setImmediate)
  }
  return rows
}
