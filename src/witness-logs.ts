// The logs of a witness whose service may run or not: whoever may write to its database may do this.
import type { Config } from './config.ts'
import type { ListedLog } from './core/log-list.ts'
import { connect, type Database } from './db/connect.ts'
import { reachDatabase, SERVICE_ROLE } from './open-database.ts'
import { type AddedLogs, addLogs, type ListedKnownLog, listLogs } from './witness/add-logs.ts'

/**
 * @param ownName of the witness
 * @param log told what an operator should know
 * @throws ConfigError when there is no database; OwnNameError; Refusal `not_available`; EmbeddedError
 */
export function addWitnessLogs(
  config: Config,
  logs: readonly ListedLog[],
  ownName: string,
  log: (message: string) => void,
): Promise<AddedLogs> {
  return within(config, log, (db) => addLogs(db, logs, 'command line', { ownName, moreKeys: true }))
}

/** @throws ConfigError when there is no database; Refusal `not_available`; EmbeddedError */
export function listWitnessLogs(config: Config, log: (message: string) => void): Promise<ListedKnownLog[]> {
  return within(config, log, listLogs)
}

async function within<T>(
  config: Config,
  log: (message: string) => void,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const database = await reachDatabase(config, log)
  const pool = connect({ url: database.url, role: SERVICE_ROLE, max: 1, name: 'prooflog witness logs' })
  try {
    return await work(pool)
  } finally {
    await pool.close()
    await database.stop()
  }
}
