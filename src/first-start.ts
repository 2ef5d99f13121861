// What a service needs before anybody can use it: a log to append to and a key that may create more.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Keys } from './access/keys.ts'
import { SCOPES } from './access/scopes.ts'
import { encodeUtf8 } from './core/bytes.ts'
import { replaceFile } from './files/durable.ts'
import { LogError } from './log/errors.ts'
import type { Logs } from './log/types.ts'

export interface FirstStart {
  /** Shown once. */
  readonly adminKey: string
  /** Where it was saved, readable by this user only. */
  readonly keyFile: string
}

/** Name of the log that the first start creates. */
export const DEFAULT_LOG = 'default'

/**
 * Creates log `default` and an admin key if the database has no log and no key yet; otherwise does nothing.
 * @returns the key, when one was made
 */
export async function firstStart(dataDir: string, logs: Logs, keys: Keys): Promise<FirstStart | undefined> {
  if ((await logs.list()).length === 0) {
    await logs.create({ name: DEFAULT_LOG }).catch((error: unknown) => {
      if (!(error instanceof LogError && error.code === 'log_exists')) throw error // another process was faster
    })
  }
  if ((await keys.list()).length > 0) return undefined
  const { key } = await keys.create({ name: 'admin', scopes: [...SCOPES], logs: null })
  const keyFile = join(dataDir, 'admin.key')
  mkdirSync(dataDir, { recursive: true })
  await replaceFile(keyFile, encodeUtf8(`${key}\n`), 0o600)
  return { adminKey: key, keyFile }
}
