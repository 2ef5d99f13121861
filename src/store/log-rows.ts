// The list of logs.
import { asc } from 'drizzle-orm'
import { EMPTY_ROOT } from '../core/hash.ts'
import type { Database } from '../db/connect.ts'
import { LogError } from '../log/errors.ts'
import type { NewLog } from '../log/ports.ts'
import type { LogInfo } from '../log/types.ts'
import { guarded, sqlState, storeError, UNIQUE_VIOLATION } from './errors.ts'
import { heads, logs } from './tables.ts'

export async function listLogs({ orm }: Database): Promise<LogInfo[]> {
  const rows = await guarded(() => orm.select().from(logs).orderBy(asc(logs.name)))
  return rows.map(infoOf)
}

/** Inserts the log and its empty head. @throws LogError `log_exists` when name or origin is taken */
export async function createLog({ orm }: Database, log: NewLog): Promise<LogInfo> {
  try {
    return await orm.transaction(async (tx) => {
      const [row] = await tx
        .insert(logs)
        .values({ ...log, vkeys: [...log.vkeys] })
        .returning()
      if (row === undefined) throw new LogError('log_damaged', `INSERT of log ${log.name} returned no row`)
      await tx.insert(heads).values({ logId: row.logId, size: 0, root: EMPTY_ROOT })
      return infoOf(row)
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

function infoOf({ logId, ...row }: typeof logs.$inferSelect): LogInfo {
  return { id: logId, ...row }
}
