import type { Logger } from 'pino'
import type { Database } from './db/connect.ts'

/** Acknowledged means committed to disk, whatever the database's default is: settings for the connections that write. */
export async function durableSettings({ sql }: Database, logger: Logger): Promise<Record<string, string>> {
  const [fsync] = await sql`SHOW fsync`
  if (fsync?.['fsync'] !== 'on')
    logger.warn('fsync is off in this database: acknowledged entries can be lost')
  const [commit] = await sql`SHOW synchronous_commit`
  const set = commit?.['synchronous_commit']
  return set === 'on' || set === 'remote_apply' ? {} : { synchronous_commit: 'on' }
}
