// From events to rows.
import type { Log } from '../../log/types.ts'
import type { LogClock } from '../follow/log-clock.ts'
import type { FieldsOfEvent } from '../follow/read-fields.ts'
import type { OnDamage, Vault } from '../vault/types.ts'
import { type Row, rowOf } from './rows.ts'
import type { Terms } from './terms.ts'

/** Of the cursor. */
export const SEARCH = 'search'

export interface Projection {
  readonly log: Log
  readonly vault: Pick<Vault, 'open' | 'openTexts'>
  readonly clock: LogClock
  readonly terms: Terms
  readonly onDamage: OnDamage
}

/** Events between two breaths of the process: some milliseconds. */
const BREATH = 256

/** The same events, ascending, give the same rows, whenever. */
export async function project(
  { clock, terms }: Projection,
  events: readonly FieldsOfEvent[],
): Promise<Row[]> {
  const rows: Row[] = []
  let taken = { until: 0, at: 0 }
  for (const [i, event] of events.entries()) {
    if (event.index >= taken.until) taken = await clock.takenUntil(event.index)
    rows.push(rowOf(event, taken.at, terms))
    if (i % BREATH === BREATH - 1) await new Promise(setImmediate)
  }
  return rows
}
