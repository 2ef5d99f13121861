// Which partitions may hold, in their files, terms that an erasure took out of them: rewriting them right afterwards
// (refresh.ts) leaves what a search that was under way could still see.
import type { Sql } from '../../db/connect.ts'
import { PART_SIZE, tableOf } from './parts.ts'

/**
 * Tables, as `schema.table`, with rows of which an erasure was noted; and all of log `everywhere`, of which none is noted.
 * @param sql may read the vault's erasures
 */
export async function erasedParts(sql: Sql, everywhere: string): Promise<string[]> {
  const parts = await sql<{ logId: number; part: number }[]>`
    SELECT p.log_id AS "logId", p.part FROM search.parts p JOIN log.logs l USING (log_id)
    WHERE NOT p.stale AND (p.erased IS NOT NULL OR l.name = ${everywhere} OR EXISTS (
      SELECT FROM vault.erasures e, generate_series(1, cardinality(e.ranges), 2) AS i
      WHERE e.log_id = p.log_id AND e.ranges[i] < (p.part + 1)::bigint * ${PART_SIZE} AND e.ranges[i + 1] >= p.part::bigint * ${PART_SIZE}
    )) ORDER BY p.log_id, p.part`
  return parts.map(({ logId, part }) => tableOf(logId, part))
}
