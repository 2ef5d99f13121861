// Damaged places of the spool: nothing is skipped without being kept and reported.
import type { Position } from './cursor.ts'
import type { Report } from './report.ts'
import { keepAside } from './segments.ts'

export interface DamageKeeper {
  /** Places that were kept aside since the start. */
  count(): number
  /** @param tail the place is the end of the last segment, as a crash leaves it */
  keep(place: Position, bytes: Uint8Array, tail?: boolean): Promise<void>
}

/** Damaged places are kept aside and reported once, however often they are come by. */
export function damageKeeper(folder: string, report: Report): DamageKeeper {
  const known = new Set<string>()
  return {
    count: () => known.size,
    async keep(place: Position, bytes: Uint8Array, tail = false): Promise<void> {
      const name = `${place.segment}-${place.offset}`
      if (known.has(name)) return
      const file = await keepAside(folder, place, bytes, 'damaged')
      known.add(name)
      const evidence = { file, segment: place.segment, offset: place.offset, bytes: bytes.length }
      if (tail)
        report(
          'spool_cut',
          `The spool ended in the middle of a record, as after a crash: cut off, kept in ${file}.`,
          evidence,
        )
      else
        report(
          'spool_damaged',
          `${bytes.length} bytes of the spool are damaged: skipped, kept in ${file}.`,
          evidence,
        )
    },
  }
}
