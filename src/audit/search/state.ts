import type { Sql } from '../../db/connect.ts'
import { SEARCH } from './projection.ts'

export interface IndexState {
  /** Entries below are indexed. */
  readonly next: number
  /** Parts without an inverted index. */
  readonly open: ReadonlySet<number>
  readonly rebuilding: boolean
}

export async function readState(sql: Sql, logId: number): Promise<IndexState> {
  const [row] = await sql<{ next: number | null; open: string | null; until: number | null }[]>`
    SELECT (SELECT next_index FROM follow.cursors WHERE name = ${SEARCH} AND log_id = ${logId}) AS next,
      (SELECT string_agg(part::text, ',') FROM search.parts WHERE log_id = ${logId} AND NOT inverted) AS open,
      (SELECT until FROM search.rebuilds WHERE log_id = ${logId}) AS until`
  const next = row?.next ?? 0
  const open = row?.open ?? ''
  return {
    next,
    open: new Set(open === '' ? [] : open.split(',').map(Number)),
    rebuilding: next < (row?.until ?? 0),
  }
}
