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
  /** To go on with it after an interruption. */
  readonly logId: number
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

/**
 * @param url the owner of the database
 * @param logId of what an earlier attempt left; another is taken when that is a log by now
 * @throws LogError `log_changed` while another process copies into it
 */
export async function stageLog(url: string, logId?: number): Promise<StagedLog> {
  const database = connect({ url, max: 1, name: 'prooflog copy' })
  const { sql, close } = database
  try {
    const id = await reserve(sql, logId)
    const size = await stagedSize(sql, id)
    return {
      logId: id,
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

async function reserve(sql: Sql, wanted: number | undefined): Promise<number> {
  const id = wanted ?? (await nextId(sql))
  const [row] = await sql<{ mine: boolean; taken: boolean }[]>`
    SELECT pg_try_advisory_lock(${LOCK_CLASS}, ${id}) AS mine,
      EXISTS (SELECT FROM log.logs WHERE log_id = ${id}) AS taken`
  if (row?.taken) return reserve(sql, undefined)
  if (row?.mine) return id
  throw new LogError('log_changed', 'another process is copying this log in: let it finish')
}

async function nextId(sql: Sql): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    SELECT nextval(pg_get_serial_sequence('log.logs', 'log_id'))::int AS id`
  return row?.id ?? 0
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
