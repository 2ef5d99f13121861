// The tables of the log as they are stored, for the self-check (src/self-check/ports.ts): nothing is repaired, cached or
// taken for granted here.
import type { Database } from '../db/connect.ts'
import { LogError } from '../log/errors.ts'
import type { Head, Published } from '../log/types.ts'
import type { EntryVisitor, LogState, Orphan, Scan, StoredTile, Stray } from '../self-check/ports.ts'
import { copyOut } from './copy-out.ts'
import { guarded } from './errors.ts'
import { CHECKING, tryLead } from './lead.ts'
import { leafKeyHigh, leafKeyLow, segmentOf } from './leaf-key.ts'
import { listLogs } from './log-rows.ts'

/** Every table of the schema that has rows of logs. */
const TABLES = ['heads', 'entries', 'tiles', 'tree_heads', 'checkpoints', 'cosignatures', 'changes'] as const
/** Those that a log has rows in while it is copied in. */
const STAGED: readonly string[] = ['entries', 'tiles']
/** NOTIFY channel of what was found. */
const CHECKED_CHANNEL = 'prooflog_checked'
/** Levels of tiles that a tree of at most 2^53 leaves can fill. */
const LEVELS = 7

/** @param database one connection is enough; with `max: 1` and a transaction open on it, the scan sees that transaction */
export function createScan(database: Database): Scan {
  const { sql } = database
  return {
    logs: () => listLogs(database),
    takeTurn: (logId) => tryLead(sql, logId, CHECKING),
    async tell(text) {
      await guarded(() => sql`SELECT pg_notify(${CHECKED_CHANNEL}, ${text})`)
    },
    async hear(callback) {
      const listening = await guarded(() => sql.listen(CHECKED_CHANNEL, callback))
      return () => listening.unlisten()
    },
    orphans: () => guarded(() => readOrphans(database)),
    state: (logId) => guarded(() => readState(database, logId)),
    entries: (logId, start, end, visit) => guarded(() => readEntries(database, logId, start, end, visit)),
    tiles: (logId, level, start, end) =>
      guarded(
        () => sql<StoredTile[]>`
          SELECT index, hashes, root FROM log.tiles
          WHERE log_id = ${logId} AND level = ${level} AND index >= ${start} AND index < ${end} ORDER BY index`,
      ),
    roots: (logId, level, start, end) =>
      guarded(
        () => sql<Omit<StoredTile, 'hashes'>[]>`
          SELECT index, root FROM log.tiles
          WHERE log_id = ${logId} AND level = ${level} AND index >= ${start} AND index < ${end} ORDER BY index`,
      ),
    treeHeads: (logId, above, upTo) =>
      guarded(
        () => sql<Head[]>`
          SELECT size, root FROM log.tree_heads
          WHERE log_id = ${logId} AND size > ${above} AND size <= ${upTo} ORDER BY size`,
      ),
    checkpoints: (logId, start, end) =>
      guarded(
        () => sql<Published[]>`
          SELECT seq, size, root, signed_at AS "signedAt", note FROM log.checkpoints
          WHERE log_id = ${logId} AND seq >= ${start} AND seq < ${end} ORDER BY seq`,
      ),
  }
}

async function readEntries(
  { sql }: Database,
  logId: number,
  start: number,
  end: number,
  visit: EntryVisitor,
): Promise<void> {
  // COPY takes no parameters.
  for (const value of [logId, start, end]) {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no whole number`)
  }
  const query = `SELECT index, leaf_key, leaf_hash, data FROM log.entries
    WHERE log_id = ${logId} AND index >= ${start} AND index < ${end} ORDER BY index`
  await copyOut(sql, query, (bytes, starts, sizes) => {
    const [indexAt = 0, keyAt = 0, hashAt = 0, dataAt = 0] = starts
    const index = bytes.readInt32BE(indexAt) * 2 ** 32 + bytes.readUInt32BE(indexAt + 4)
    const leafHash = bytes.subarray(hashAt, hashAt + Math.max(0, sizes[2] ?? 0))
    const keyed =
      leafHash.length === 32 &&
      bytes.readInt32BE(keyAt) === leafKeyHigh(segmentOf(index), leafHash, 0) &&
      bytes.readUInt32BE(keyAt + 4) === leafKeyLow(leafHash, 0)
    visit(index, leafHash, bytes.subarray(dataAt, dataAt + Math.max(0, sizes[3] ?? 0)), keyed)
  })
}

/** One statement, so one snapshot: what is beyond the head is beyond it, and not merely newer. */
async function readState({ sql }: Database, logId: number): Promise<LogState> {
  const [row] = await sql<StateRow[]>`
    SELECT h.size, h.root, h.state,
      (SELECT max(seq) FROM log.checkpoints WHERE log_id = l.log_id) AS seq,
      (SELECT min(seq) FROM log.checkpoints WHERE log_id = l.log_id AND seq < 0) AS stray_seq,
      (SELECT min(index) FROM log.entries WHERE log_id = l.log_id AND index < 0) AS entry_below,
      (SELECT min(index) FROM log.entries WHERE log_id = l.log_id AND index >= h.size) AS entry_beyond,
      (SELECT min(size) FROM log.tree_heads WHERE log_id = l.log_id AND size < 0) AS tree_head_below,
      (SELECT min(size) FROM log.tree_heads WHERE log_id = l.log_id AND size > h.size) AS tree_head_beyond
    FROM (SELECT ${logId}::int AS log_id) l LEFT JOIN log.heads h ON h.log_id = l.log_id`
  const tiles = await sql<{ level: number; index: number }[]>`
    SELECT t.level, t.index FROM log.heads h CROSS JOIN generate_series(0, ${LEVELS - 1}) AS l(level)
    CROSS JOIN LATERAL (
      (SELECT level, index FROM log.tiles WHERE log_id = h.log_id AND level = l.level AND index < 0 ORDER BY index LIMIT 1)
      UNION ALL
      (SELECT level, index FROM log.tiles WHERE log_id = h.log_id AND level = l.level
        AND index >= trunc(h.size / power(256::numeric, l.level + 1))::bigint ORDER BY index LIMIT 1)
    ) t WHERE h.log_id = ${logId}
    UNION ALL
    (SELECT level, index FROM log.tiles WHERE log_id = ${logId} AND level < 0 LIMIT 1)
    UNION ALL
    (SELECT level, index FROM log.tiles WHERE log_id = ${logId} AND level >= ${LEVELS} LIMIT 1)`
  if (row === undefined) throw new LogError('log_damaged', `a query without conditions gave no row`)
  const { size, root, state, seq } = row
  return {
    head: size === null || root === null ? undefined : { size, root },
    state: state ?? undefined,
    newestSeq: seq ?? -1,
    strays: straysOf(row, tiles),
  }
}

interface StateRow {
  readonly size: number | null
  readonly root: Uint8Array | null
  readonly state: string | null
  readonly seq: number | null
  readonly stray_seq: number | null
  readonly entry_below: number | null
  readonly entry_beyond: number | null
  readonly tree_head_below: number | null
  readonly tree_head_beyond: number | null
}

function straysOf(row: StateRow, tiles: readonly { level: number; index: number }[]): Stray[] {
  const strays: Stray[] = tiles.map(({ level, index }) => ({ table: 'tiles', level, index }))
  for (const index of [row.entry_below, row.entry_beyond]) {
    if (index !== null) strays.push({ table: 'entries', index })
  }
  for (const size of [row.tree_head_below, row.tree_head_beyond]) {
    if (size !== null) strays.push({ table: 'tree_heads', size })
  }
  if (row.stray_seq !== null) strays.push({ table: 'checkpoints', seq: row.stray_seq })
  return strays
}

/** Between and around the known ids, so that the index answers and no table is read. */
async function readOrphans({ sql }: Database): Promise<Orphan[]> {
  const found = new Map<number, (typeof TABLES)[number][]>()
  for (const table of TABLES) {
    // What is being copied in has no log yet (staging.ts).
    const staged = STAGED.includes(table) ? sql`SELECT log_id FROM log.staged` : sql`SELECT 2147483648`
    const rows = await sql<{ logId: number }[]>`
      WITH ids AS (SELECT log_id::bigint AS id FROM log.logs UNION ALL SELECT -2147483649 UNION ALL SELECT 2147483648 UNION ALL ${staged}),
        gaps AS (SELECT id AS low, lead(id) OVER (ORDER BY id) AS high FROM ids)
      SELECT o.log_id AS "logId" FROM gaps CROSS JOIN LATERAL (
        SELECT log_id FROM ${sql(`log.${table}`)} WHERE log_id > gaps.low AND log_id < gaps.high ORDER BY log_id LIMIT 1
      ) o`
    for (const { logId } of rows) found.set(logId, [...(found.get(logId) ?? []), table])
  }
  return [...found].map(([logId, tables]) => ({ logId, tables }))
}
