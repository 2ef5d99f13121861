// Tree heads that were meant to be signed, and checkpoints that were published.
import { and, desc, eq, lt, sql } from 'drizzle-orm'
import type { Hash } from '../core/hash.ts'
import { formatSignatures, type NoteSignature } from '../core/note.ts'
import type { Database } from '../db/connect.ts'
import { LogError } from '../log/errors.ts'
import type { Head, Published } from '../log/types.ts'
import { guarded, sqlState, storeError, UNIQUE_VIOLATION, withinDeadline } from './errors.ts'
import { checkpoints, cosignatures, treeHeads } from './tables.ts'

/** NOTIFY channel; the payload is the log's id. */
export const PUBLISHED_CHANNEL = 'prooflog_published'

/** Cosignatures that came after the checkpoint, in an order that is the same for everybody. */
const lateLines = sql`coalesce((
  SELECT string_agg(late.line, ''::bytea ORDER BY late.signer COLLATE "C") FROM log.cosignatures late
  WHERE late.log_id = log.checkpoints.log_id AND late.seq = log.checkpoints.seq), ''::bytea)`

/** Published checkpoints with seq < `beforeSeq`, newest first. */
export async function readHistory(
  { orm }: Database,
  logId: number,
  limit: number,
  beforeSeq: number,
): Promise<Published[]> {
  return guarded(() =>
    orm
      .select({
        seq: checkpoints.seq,
        size: checkpoints.size,
        root: checkpoints.root,
        signedAt: checkpoints.signedAt,
        note: sql<Uint8Array>`${checkpoints.note} || ${lateLines}`,
        quorum: checkpoints.quorum,
      })
      .from(checkpoints)
      .where(and(eq(checkpoints.logId, logId), lt(checkpoints.seq, beforeSeq)))
      .orderBy(desc(checkpoints.seq))
      .limit(limit),
  )
}

/** See LogStore.due. */
export async function readDue({ sql }: Database, signedBefore: number): Promise<number[]> {
  const rows = await guarded(
    () => sql<{ log_id: number }[]>`
      SELECT h.log_id FROM log.heads h
      JOIN log.logs l ON l.log_id = h.log_id AND NOT l.mirrored
      LEFT JOIN LATERAL (
        SELECT size, signed_at FROM log.checkpoints c WHERE c.log_id = h.log_id ORDER BY seq DESC LIMIT 1
      ) c ON true
      WHERE c.size IS NULL OR h.size <> c.size
        OR (c.signed_at < ${signedBefore} AND h.state <> 'frozen')`,
  )
  return rows.map((row) => row.log_id)
}

/** See LogStore.publishedPositions. */
export async function readPublishedPositions({
  sql,
}: Database): Promise<{ logId: number; seq: number; late: number }[]> {
  return guarded(
    () => sql<{ logId: number; seq: number; late: number }[]>`
      SELECT l.log_id AS "logId", c.seq, (
        SELECT count(*)::int FROM log.cosignatures s WHERE s.log_id = l.log_id AND s.seq = c.seq
      ) AS late FROM log.logs l
      CROSS JOIN LATERAL (SELECT seq FROM log.checkpoints c WHERE c.log_id = l.log_id ORDER BY seq DESC LIMIT 1) c`,
  )
}

/** See LogStore.intend. */
export async function intendHead({ orm }: Database, logId: number, head: Head): Promise<Hash> {
  return guarded(async () => {
    await orm.insert(treeHeads).values({ logId, size: head.size, root: head.root }).onConflictDoNothing()
    const [row] = await orm
      .select({ root: treeHeads.root })
      .from(treeHeads)
      .where(and(eq(treeHeads.logId, logId), eq(treeHeads.size, head.size)))
    if (row === undefined)
      throw new LogError(
        'log_damaged',
        `log.tree_heads lost size ${head.size} of log ${logId} right after it was written`,
      )
    return row.root
  }, true)
}

/** See LogStore.publish. The primary key (log_id, seq) is the compare-and-swap. */
export async function insertCheckpoint({ sql }: Database, logId: number, next: Published): Promise<boolean> {
  try {
    await withinDeadline(sql`
      WITH published AS (
        INSERT INTO log.checkpoints (log_id, seq, size, root, signed_at, note, quorum)
        VALUES (${logId}, ${next.seq}, ${next.size}, ${next.root}, ${next.signedAt}, ${next.note}, ${next.quorum})
        RETURNING log_id
      )
      SELECT pg_notify(${PUBLISHED_CHANNEL}, log_id::text) FROM published`)
    return true
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) return false
    throw storeError(error, true)
  }
}

/** See LogStore.addCosignatures. */
export async function insertCosignatures(
  { orm }: Database,
  logId: number,
  seq: number,
  signatures: readonly NoteSignature[],
): Promise<void> {
  if (signatures.length === 0) return
  const rows = signatures.map((one) => ({
    logId,
    seq,
    signer: `${one.name}+${one.keyId.toString(16).padStart(8, '0')}`,
    line: formatSignatures([one]),
  }))
  await guarded(
    () =>
      orm.transaction(async (tx) => {
        await tx.insert(cosignatures).values(rows).onConflictDoNothing()
        await tx.execute(sql`SELECT pg_notify(${PUBLISHED_CHANNEL}, ${String(logId)})`)
      }),
    true,
  )
}
