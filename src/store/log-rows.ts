// The list of logs: what each was created with, and what changed since.
import { asc } from 'drizzle-orm'
import { EMPTY_ROOT } from '../core/hash.ts'
import type { Database } from '../db/connect.ts'
import { LogError } from '../log/errors.ts'
import type { NewLog } from '../log/ports.ts'
import type { LogChange, LogInfo, LogState } from '../log/types.ts'
import { guarded, sqlState, storeError, UNIQUE_VIOLATION, withinDeadline } from './errors.ts'
import { changes, heads, logs } from './tables.ts'

type LogRow = typeof logs.$inferSelect
type ChangeRow = typeof changes.$inferSelect

export async function listLogs({ orm }: Database): Promise<LogInfo[]> {
  // In this order: a change of a log that is not in the list is of no use, the other way round the log would be out of date.
  const rows = await guarded(() => orm.select().from(logs).orderBy(asc(logs.name)))
  const changed = await guarded(() =>
    orm.select().from(changes).orderBy(asc(changes.logId), asc(changes.seq)),
  )
  const byLog = new Map<number, ChangeRow[]>()
  for (const change of changed) byLog.set(change.logId, [...(byLog.get(change.logId) ?? []), change])
  return rows.map((row) => infoOf(row, byLog.get(row.logId) ?? []))
}

/** See LogStore.createLog. */
export async function createLog({ orm }: Database, log: NewLog): Promise<LogInfo> {
  const { predecessor, ...rest } = log
  try {
    return await orm.transaction(async (tx) => {
      const [row] = await tx
        .insert(logs)
        .values({ ...rest, vkeys: [...rest.vkeys] })
        .returning()
      if (row === undefined) throw new LogError('log_damaged', `INSERT of log ${log.name} returned no row`)
      await tx.insert(heads).values({ logId: row.logId, size: 0, root: EMPTY_ROOT })
      if (predecessor !== undefined) {
        const next = rowsOf(predecessor, [{ what: 'successor', value: log.name }])
        const made = await tx.insert(changes).values(next).onConflictDoNothing().returning()
        if (made.length !== next.length) throw changedMeanwhile(predecessor)
      }
      return infoOf(row, [])
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

/** See LogStore.change. */
export async function changeLog(
  { orm }: Database,
  log: LogInfo,
  wanted: readonly LogChange[],
): Promise<void> {
  try {
    await withinDeadline(orm.insert(changes).values(rowsOf(log, wanted)))
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) throw changedMeanwhile(log)
    throw storeError(error, true)
  }
}

/** See LogStore.changeCount. */
export async function countChanges({ orm }: Database): Promise<number> {
  return guarded(() => orm.$count(changes))
}

function rowsOf(log: LogInfo, wanted: readonly LogChange[]): ChangeRow[] {
  return wanted.map(({ what, value }, i) => ({ logId: log.id, seq: log.revision + i, what, value }))
}

function changedMeanwhile({ name }: LogInfo): LogError {
  return new LogError(
    'log_changed',
    `log ${name} was changed by somebody else meanwhile: look at it, and try again`,
  )
}

/** @param changed of this log, in order */
function infoOf({ logId, ...row }: LogRow, changed: readonly ChangeRow[]): LogInfo {
  let { vkeys } = row
  let signing = row.vkeys
  let state: LogState = 'open'
  let successor: string | undefined
  for (const { what, value } of changed) {
    if (what === 'key_added') {
      vkeys = [...vkeys, value]
      signing = [...signing, value]
    } else if (what === 'key_retired') signing = signing.filter((vkey) => vkey !== value)
    else if (what === 'successor') successor = value
    else state = stateOf(value)
  }
  return { id: logId, ...row, vkeys, signing, state, successor, revision: changed.length }
}

/** The database holds no other values; one that did would be a state in which nothing is allowed. */
function stateOf(value: string): LogState {
  return value === 'open' || value === 'draining' ? value : 'frozen'
}
