import type { Config } from './config.ts'
import { migrate } from './db/migrate.ts'
import { openDatabase } from './open-database.ts'

/**
 * Applies what is missing to the database of this configuration; returns how many migrations that were.
 * @param log told what an operator should know. @throws EmbeddedError, MigrationError
 */
export async function migrateDatabase(config: Config, log: (message: string) => void): Promise<number> {
  const database = await openDatabase(config, log)
  try {
    return await migrate(database.ownerUrl)
  } finally {
    await database.stop()
  }
}
