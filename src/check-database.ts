import { createCheckMemory } from './check-memory.ts'
import type { Config } from './config.ts'
import { connect } from './db/connect.ts'
import { openGuards } from './guard/from-config.ts'
import { serverIdentity } from './guard/postgres.ts'
import { createKeyFiles } from './keys/key-files.ts'
import { LogError } from './log/errors.ts'
import { reachDatabase, SERVICE_ROLE } from './open-database.ts'
import { checkAll, type CheckReport } from './self-check/check-all.ts'
import { createFullSpeed } from './self-check/pace.ts'
import { checkMemoryPath } from './start-self-check.ts'
import { createScan } from './store/scan.ts'

export interface CheckRequest {
  /** Only this log. */
  readonly only?: string
  /** Secrets that open the keys of the logs. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Told what an operator should know. */
  readonly log: (message: string) => void
  readonly onProgress: (log: string, entries: number, size: number) => void
}

/**
 * A full pass over the database of this configuration, whether a service runs on it or not, as fast as it goes.
 * @throws ConfigError when there is no database; LogError `log_not_found`, `store_unavailable`; EmbeddedError
 */
export async function checkDatabase(
  config: Config,
  { only, env, log, onProgress }: CheckRequest,
): Promise<CheckReport> {
  const database = await reachDatabase(config, log)
  const pool = connect({ url: database.url, role: SERVICE_ROLE, max: 1, name: 'prooflog check' })
  const guard = openGuards(config, () => serverIdentity(pool.sql))
  try {
    const remembered = await createCheckMemory(checkMemoryPath(config), log).load()
    const ports = { scan: createScan(pool), guard, keys: createKeyFiles(config.keysDir, env) }
    const report = await checkAll(ports, {
      remembered,
      breathe: createFullSpeed(),
      onProgress,
      ...(only === undefined ? {} : { only }),
    })
    if (only !== undefined && report.logs.length === 0) {
      throw new LogError('log_not_found', `there is no log "${only}"`)
    }
    return report
  } finally {
    await guard.close()
    await pool.close()
    await database.stop()
  }
}
