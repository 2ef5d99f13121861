// A log that is being copied in: entries and tiles under a number that no log has yet, so that nobody sees them, appends to
// them or signs them. One transaction makes them a log, or they stay what they are: rows that nothing points to.
import type { FullTile } from '../core/append.ts'
import { connect, type Sql, type Transaction } from '../db/connect.ts'
import { LogError } from '../log/errors.ts'
import type { FreshEntries, NewLog } from '../log/ports.ts'
import type { Head, LogInfo, Published } from '../log/types.ts'
import { copyIn } from './copy-in.ts'
import { entryRows, tileRows } from './copy-rows.ts'
import { sqlState, storeError, UNIQUE_VIOLATION } from './errors.ts'
import { listLogs } from './log-rows.ts'
import { readEdgeTiles } from './read-tree.ts'

export interface StagedLog {
  /** How many entries are there. */
  readonly size: number
  /** The partial tiles at `size`, level 0 first. @throws LogError `log_damaged` */
  edgeTiles(): Promise<Uint8Array[]>
  /** All or nothing, at index `from`; durable on return. */
  add(from: number, fresh: FreshEntries, tiles: readonly FullTile[]): Promise<void>
  /**
   * Makes it a log, with this head and, if given, this as its first published checkpoint.
   * @throws LogError `log_exists`
   */
  reveal(log: NewLog, head: Head, published?: Published): Promise<LogInfo>
  close(): Promise<void>
}

/** First half of the advisory lock's key: "stag". */
const LOCK_CLASS = 0x73746167

/** What is copied, and under which name it shall be. */
export interface StagePlan {
  readonly name: string
  /** Of the source. */
  readonly origin: string
  /** Leave alone what an earlier attempt copied. */
  readonly anew: boolean
}

/**
 * Goes on with what an earlier attempt of the same plan left, or begins.
 * @param url the owner of the database
 * @throws LogError `log_changed` while another process does the same
 */
export async function stageLog(url: string, plan: StagePlan): Promise<StagedLog> {
  const database = connect({ url, max: 1, name: 'prooflog copy' })
  const { sql, close } = database
  try {
    const id = await reserve(sql, plan)
    const size = await stagedSize(sql, id)
    return {
      size,
      edgeTiles: () => readEdgeTiles(sql, id, size),
      add: (from, fresh, tiles) => addRows(sql, id, from, fresh, tiles),
      async reveal(log, head, published) {
        await revealLog(sql, id, log, head, published)
        const info = (await listLogs(database)).find((one) => one.id === id)
        if (info === undefined) throw new LogError('log_damaged', `log ${log.name} vanished as it was made`)
        return info
      },
      close,
    }
  } catch (error) {
    await close()
    throw storeError(error)
  }
}

async function reserve(sql: Sql, { name, origin, anew }: StagePlan): Promise<number> {
  const [earlier] = await sql<{ id: number }[]>`
    SELECT log_id AS id FROM log.staged s WHERE name = ${name} AND origin = ${origin} AND NOT ${anew}
      AND NOT EXISTS (SELECT FROM log.logs l WHERE l.log_id = s.log_id)
    ORDER BY log_id DESC LIMIT 1`
  const [begun] = earlier
    ? [earlier]
    : await sql<{ id: number }[]>`
        INSERT INTO log.staged (log_id, name, origin)
        VALUES (nextval(pg_get_serial_sequence('log.logs', 'log_id')), ${name}, ${origin}) RETURNING log_id AS id`
  const id = begun?.id ?? 0
  const [lock] = await sql<{ mine: boolean }[]>`SELECT pg_try_advisory_lock(${LOCK_CLASS}, ${id}) AS mine`
  if (lock?.mine === true) return id
  throw new LogError('log_changed', 'another process is copying this log in: let it finish')
}

async function stagedSize(sql: Sql, logId: number): Promise<number> {
  const [row] = await sql<{ size: number }[]>`
    SELECT coalesce(max(index) + 1, 0)::bigint AS size FROM log.entries WHERE log_id = ${logId}`
  return row?.size ?? 0
}

async function addRows(
  sql: Sql,
  logId: number,
  from: number,
  fresh: FreshEntries,
  tiles: readonly FullTile[],
): Promise<void> {
  try {
    await sql.begin(async (tx) => {
      const rows = entryRows(logId, from, fresh)
      await copyIn(
        tx,
        'COPY log.entries (log_id, index, leaf_key, leaf_hash, data) FROM STDIN (FORMAT binary)',
        rows,
      )
      if (tiles.length === 0) return
      const columns = '(log_id, level, index, hashes, root)'
      await copyIn(tx, `COPY log.tiles ${columns} FROM STDIN (FORMAT binary)`, tileRows(logId, tiles))
    })
  } catch (error) {
    throw storeError(error, true)
  }
}

async function revealLog(
  sql: Sql,
  logId: number,
  log: NewLog,
  head: Head,
  published: Published | undefined,
): Promise<void> {
  try {
    await sql.begin(async (tx) => {
      await tx`
        INSERT INTO log.logs (log_id, name, origin, public, dedup, vkeys) OVERRIDING SYSTEM VALUE
        VALUES (${logId}, ${log.name}, ${log.origin}, ${log.public}, ${log.dedup}, ${[...log.vkeys]})`
      await tx`INSERT INTO log.heads (log_id, size, root) VALUES (${logId}, ${head.size}, ${head.root})`
      if (published !== undefined) await publishFirst(tx, logId, published)
    })
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) {
      throw new LogError(
        'log_exists',
        `a log with name "${log.name}" or origin "${log.origin}" exists: choose another name`,
      )
    }
    throw storeError(error, true)
  }
}

async function publishFirst(tx: Transaction, logId: number, first: Published): Promise<void> {
  const { seq, size, root, signedAt, note, quorum } = first
  await tx`INSERT INTO log.tree_heads (log_id, size, root) VALUES (${logId}, ${size}, ${root})`
  await tx`
    INSERT INTO log.checkpoints (log_id, seq, size, root, signed_at, note, quorum)
    VALUES (${logId}, ${seq}, ${size}, ${root}, ${signedAt}, ${note}, ${quorum})`
}
