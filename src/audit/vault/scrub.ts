// After erasures: what was deleted is still in the files of the cluster until they are rewritten. This rewrites them.
import type { Sql } from '../../db/connect.ts'

/** What is being done; `done` of `all` steps. */
export type OnScrub = (step: string, done: number, all: number) => void

/** Small, and full of what identifies: rewritten whole, which locks them meanwhile. */
const REWRITTEN = ['vault.subjects', 'vault.subject_keys']
/** Large, and worth nothing without the keys: its dead rows make room for new ones. */
const VACUUMED = ['vault.disclosures']
/** How long older transactions are waited for; milliseconds. */
const PATIENCE = 60_000
/** `schema.table`, as it is written into a statement. */
const TABLE = /^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$/

/**
 * Leaves nothing of destroyed keys and lookups in the files of the cluster: rewrites the tables, and has all of the write-ahead
 * log that knew them removed or overwritten. Appending waits while `vault.subject_keys` is rewritten (a second for a million).
 *
 * Needs a superuser, and says so. Beyond its reach, and to be dealt with by whoever has them: backups, archived WAL, replicas
 * that lag, WAL that a replication slot holds back, and blocks that a file system or a disk keeps of deleted files.
 * @param owner one connection of the owner without a limit of time for statements
 * @param further tables of others with derived personal rows, as `schema.table`: rewritten too
 * @throws RangeError for what is no name of a table; Error when a transaction from before goes on for a minute; what Postgres
 * says of a missing right
 */
export async function scrub(
  owner: Sql,
  onProgress: OnScrub = () => {},
  further: readonly string[] = [],
): Promise<void> {
  const wrong = further.find((table) => !TABLE.test(table))
  if (wrong !== undefined) throw new RangeError(`${JSON.stringify(wrong)} is not schema.table`)
  await waitForReaders(owner)
  const rewritten = [...REWRITTEN, ...further]
  const all = rewritten.length + VACUUMED.length + 1
  let done = 0
  const tell = (step: string): void => onProgress(step, done++, all)
  for (const table of rewritten) {
    tell(`rewriting ${table}`)
    await owner.unsafe(`VACUUM (FULL) ${table}`)
  }
  for (const table of VACUUMED) {
    tell(`vacuuming ${table}`)
    await owner.unsafe(`VACUUM ${table}`)
  }
  tell('replacing the write-ahead log')
  await replaceWal(owner, (left) =>
    onProgress(`replacing the write-ahead log: ${left} files left`, done - 1, all),
  )
  onProgress('done', all, all)
}

/** Rewriting a table keeps deleted rows that an older transaction may still look at. */
async function waitForReaders(owner: Sql): Promise<void> {
  const [now] = await owner<{ xid: string }[]>`SELECT pg_current_xact_id()::xid::text AS xid`
  const xid = now?.xid ?? ''
  for (const end = performance.now() + PATIENCE; ;) {
    const [older] = await owner<{ pid: number; name: string }[]>`
      SELECT pid, application_name AS name FROM pg_stat_activity
      WHERE pid <> pg_backend_pid() AND age(backend_xmin) > age(${xid}::xid) LIMIT 1`
    if (older === undefined) return
    if (performance.now() > end) {
      throw new Error(
        `process ${older.pid} of Postgres (${older.name}) has an old transaction open: end it, and scrub again`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/**
 * A segment that is not needed any more is either deleted or renamed to become a future one, with its old content in it. So:
 * no more renaming, and every future segment that lies there already is gone through, which overwrites it.
 */
async function replaceWal(owner: Sql, onLeft: (files: number) => void): Promise<void> {
  const [before] = await owner<{ recycle: string }[]>`SELECT current_setting('wal_recycle') AS recycle`
  await setRecycling(owner, 'off')
  try {
    // The first checkpoint ends the need for what is older than itself; what came in meanwhile ends with the second.
    await nextSegment(owner)
    await owner`CHECKPOINT`
    for (let left = await futureSegments(owner); left > 0; left = await futureSegments(owner)) {
      onLeft(left)
      await nextSegment(owner)
    }
    await nextSegment(owner)
    await owner`CHECKPOINT`
  } finally {
    if (before?.recycle === 'on') await setRecycling(owner, 'on')
  }
}

/** For the whole cluster; a setting of the operator's own, in its file, wins again afterwards. */
async function setRecycling(owner: Sql, value: 'on' | 'off'): Promise<void> {
  await owner.unsafe(
    value === 'off' ? 'ALTER SYSTEM SET wal_recycle = off' : 'ALTER SYSTEM RESET wal_recycle',
  )
  await owner`SELECT pg_reload_conf()`
  for (let attempt = 0; attempt < 100; attempt++) {
    const [now] = await owner<{ value: string }[]>`SELECT current_setting('wal_recycle') AS value`
    await new Promise((resolve) => setTimeout(resolve, 50)) // the process that writes checkpoints hears of it as late as we do
    if (now?.value === value) return
  }
  throw new Error(
    `wal_recycle does not become ${value}: another file or the command line of the server sets it`,
  )
}

/** Segments are zeroed to their end as they are left. One without any record in it is not left. */
async function nextSegment(owner: Sql): Promise<void> {
  await owner`SELECT pg_logical_emit_message(false, 'prooflog', 'scrub')`
  await owner`SELECT pg_switch_wal()`
}

/** Files beyond the one that is written to. */
async function futureSegments(owner: Sql): Promise<number> {
  const [row] = await owner<{ files: number }[]>`
    SELECT count(*)::bigint AS files FROM pg_ls_waldir()
    WHERE name ~ '^[0-9A-F]{24}$' AND name > pg_walfile_name(pg_current_wal_lsn())`
  return row?.files ?? 0
}
