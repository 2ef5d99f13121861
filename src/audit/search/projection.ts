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
  readonly vault: Pick<Vault, 'open' | 'openRange'>
  readonly clock: LogClock
  readonly terms: Terms
  readonly onDamage: OnDamage
}

/** The same events, ascending, give the same rows, whenever. @param blocks between two of them the process does something else */
export async function project(
  { clock, terms }: Projection,
  blocks: AsyncIterable<readonly FieldsOfEvent[]> | Iterable<readonly FieldsOfEvent[]>,
): Promise<Row[]> {
  const rows: Row[] = []
  let taken = { until: 0, at: 0 }
  for await (const block of blocks) {
    for (const event of block) {
      if (event.index >= taken.until) taken = await clock.takenUntil(event.index)
      rows.push(rowOf(event, taken.at, terms))
    }
    await new Promise(setImmediate)
  }
  return rows
}
