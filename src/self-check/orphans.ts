import { type Collector, createCollector, type Finding } from './finding.ts'
import type { Orphan, Remembered, Scan } from './ports.ts'

/** Rows that no log has, and logs that were here and are gone. */
export async function checkOrphans(
  scan: Scan,
  remembered: ReadonlyMap<number, Remembered>,
): Promise<readonly Finding[]> {
  const found = createCollector(null)
  const orphans = await scan.orphans()
  const known = new Set((await scan.logs()).map(({ id }) => id))
  for (const id of remembered.keys()) if (!known.has(id)) reportGone(id, found)
  for (const { logId, tables } of orphans) {
    if (known.has(logId) || remembered.has(logId) || isCopy(logId, tables)) continue
    const column = `log_id ${logId}`
    const [table = 'entries'] = tables
    // Every log has a head, and it goes in together with the log.
    if (tables.includes('heads')) found.add({ table: 'logs', column, expected: 'a row', found: 'none' })
    else found.add({ table, column, expected: 'rows of logs that exist', found: tables.join(', ') })
  }
  return found.findings
}

/** A log that is being copied in, or was until it was interrupted (src/store/staging.ts): nobody ever reads such rows. */
function isCopy(logId: number, tables: Orphan['tables']): boolean {
  return logId > 0 && tables.every((table) => table === 'entries' || table === 'tiles')
}

function reportGone(id: number, found: Collector): void {
  found.add({ table: 'logs', column: `log_id ${id}`, expected: 'a row, seen before', found: 'none' })
}
