// What the services that cosign for others, witness and mirror, are both put together from.
import type { Logger } from 'pino'
import { decodeUtf8 } from './core/bytes.ts'
import type { ListedLog } from './core/log-list.ts'
import { connect, type Database } from './db/connect.ts'
import { durableSettings } from './durable-settings.ts'
import { SERVICE_ROLE } from './open-database.ts'
import { readLogList } from './read-log-list.ts'
import { addLogs } from './witness/add-logs.ts'
import { type KnownLogs, openKnownLogs } from './witness/known-logs.ts'
import { followLogLists, type ListOutcome } from './witness/log-lists.ts'

/** Whose checkpoints are believed. */
export interface KnownLogSettings {
  /** Key name of the cosigner: a URL without scheme. It never changes. */
  readonly name: string
  /** Files or addresses of lists of logs (`logs/v0`). */
  readonly logLists: readonly string[]
  /** Logs to add at the start. */
  readonly logs: readonly ListedLog[]
}

/** Lists are read again after this time; milliseconds. */
const LIST_INTERVAL = 300_000

/** @param what shown in pg_stat_activity. @param max connections */
export async function openPool(url: string, what: string, max: number, logger: Logger): Promise<Database> {
  const common = { url, role: SERVICE_ROLE, statementTimeout: 10_000 }
  const first = connect({ ...common, name: `prooflog ${what} start`, max: 1 })
  try {
    return connect({
      ...common,
      name: `prooflog ${what}`,
      max,
      settings: await durableSettings(first, logger),
    })
  } finally {
    await first.close()
  }
}

/**
 * The logs that are known, with those of the settings and of the lists, which are read again and again.
 * @param onList told of each reading
 * @throws OwnNameError; Refusal `not_available`
 */
export async function openLogs(
  db: Database,
  { name, logLists, logs }: KnownLogSettings,
  onList: (source: string, failed: boolean) => void,
  logger: Logger,
): Promise<KnownLogs> {
  const known = await openKnownLogs(db, (err) => logger.error({ err }, 'the known logs were not read'))
  try {
    await addLogs(db, logs, 'command line', { ownName: name, moreKeys: true })
    const lists = await followLogLists(logLists, {
      db,
      ownName: name,
      read: readLogList,
      onRead: (source, outcome) => {
        onList(source, 'failure' in outcome)
        tellOfList(logger, source, outcome)
      },
      interval: LIST_INTERVAL,
    })
    await known.refresh()
    return {
      ...known,
      get count() {
        return known.count
      },
      async close() {
        await lists.close()
        await known.close()
      },
    }
  } catch (error) {
    await known.close()
    throw error
  }
}

/** What keeps a database from its work now. */
export async function databaseProblems({ sql }: Database): Promise<string[]> {
  try {
    await sql`SELECT 1`
    return []
  } catch {
    return ['the database does not answer']
  }
}

/** Both notes are signed by the log: whoever runs the service can show them to others. */
export function tellContradiction(logger: Logger, count: () => void) {
  return (origin: string, why: string, offered: Uint8Array, seen: Uint8Array | undefined): void => {
    count()
    logger.warn(
      { origin, why, offered: decodeUtf8(offered), seen: seen && decodeUtf8(seen) },
      'a signed checkpoint does not continue what was seen',
    )
  }
}

function tellOfList(logger: Logger, source: string, outcome: ListOutcome): void {
  if ('failure' in outcome) {
    logger.error({ source, err: outcome.failure }, 'a list of logs was not read')
    return
  }
  const { added, otherKey } = outcome
  if (added.length > 0) logger.info({ source, added: added.length }, 'logs were added')
  for (const origin of otherKey)
    logger.warn({ source, origin }, 'a list has another key for a log that is known: it was not added')
}
