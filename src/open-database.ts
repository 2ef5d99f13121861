// The database of a service: one that was given, or one of our own in the data folder.
import { join } from 'node:path'
import type { Config } from './config.ts'
import { startEmbedded } from './db/embedded.ts'

export interface ServiceDatabase {
  /** For the service. Take the role `prooflog_service` on it. */
  readonly url: string
  /** For migrations. */
  readonly ownerUrl: string
  /** Stops a database of our own; does nothing to one that was given. */
  stop(): Promise<void>
}

/** The role whose rights every connection of the service has (drizzle/0000_log.sql). */
export const SERVICE_ROLE = 'prooflog_service'

/** @param log told what an operator should know. @throws EmbeddedError */
export async function openDatabase(config: Config, log: (message: string) => void): Promise<ServiceDatabase> {
  if (config.databaseUrl !== undefined) {
    return {
      url: config.databaseUrl,
      ownerUrl: config.ownerDatabaseUrl ?? config.databaseUrl,
      stop: async () => {},
    }
  }
  return startEmbedded({ dir: join(config.dataDir, 'postgres'), log })
}
