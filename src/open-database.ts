// The database of a service: one that was given, or one of our own in the data folder.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError } from './config.ts'
import { runningEmbedded, startEmbedded } from './db/embedded.ts'
import { processLives } from './db/postmaster.ts'

export interface ServiceDatabase {
  /** For the service. Take the role `prooflog_service` on it. */
  readonly url: string
  /** For migrations. */
  readonly ownerUrl: string
  /** Resolves when a database of our own ended although nobody stopped it; never for one that was given. */
  readonly ended: Promise<void>
  /** Stops a database of our own; does nothing to one that was given. */
  stop(): Promise<void>
}

/** The role whose rights every connection of the service has (drizzle/0000_log.sql). */
export const SERVICE_ROLE = 'prooflog_service'

const WATCH_MS = 1_000

/** @param log told what an operator should know. @throws EmbeddedError */
export async function openDatabase(config: Config, log: (message: string) => void): Promise<ServiceDatabase> {
  if (config.databaseUrl !== undefined) {
    return {
      url: config.databaseUrl,
      ownerUrl: config.ownerDatabaseUrl ?? config.databaseUrl,
      ended: new Promise(() => {}),
      stop: async () => {},
    }
  }
  const embedded = await startEmbedded({ dir: join(config.dataDir, 'postgres'), log })
  const watch = watchProcess(embedded.pid)
  return {
    url: embedded.url,
    ownerUrl: embedded.ownerUrl,
    ended: watch.ended,
    stop() {
      watch.stop()
      return embedded.stop()
    },
  }
}

/**
 * The database that was given, the one of our own that a service runs now, or else that one started for the moment.
 * @param options.create make one where there is none
 * @throws ConfigError when there is none; EmbeddedError
 */
export async function reachDatabase(
  config: Config,
  log: (message: string) => void,
  { create = false }: { create?: boolean } = {},
): Promise<Pick<ServiceDatabase, 'url' | 'ownerUrl' | 'stop'>> {
  const folder = join(config.dataDir, 'postgres')
  if (config.databaseUrl === undefined) {
    // A new database would take what is meant for another.
    if (!create && !existsSync(folder))
      throw new ConfigError(`there is no database in ${config.dataDir}: set DATABASE_URL or PROOFLOG_DATA`)
    const running = await runningEmbedded(folder)
    if (running) return { ...running, stop: async () => {} }
  }
  return openDatabase(config, log)
}

/** The server is not our child: it is looked for every second. */
function watchProcess(pid: number): { ended: Promise<void>; stop(): void } {
  let timer: ReturnType<typeof setInterval> | undefined
  const ended = new Promise<void>((resolve) => {
    timer = setInterval(() => {
      if (processLives(pid)) return
      clearInterval(timer)
      resolve()
    }, WATCH_MS)
    timer.unref()
  })
  return { ended, stop: () => clearInterval(timer) }
}
