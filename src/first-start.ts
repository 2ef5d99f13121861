// What a service needs before anybody can use it: a log to append to and a key that may create more.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Keys } from './access/keys.ts'
import { SCOPES } from './access/scopes.ts'
import { encodeUtf8 } from './core/bytes.ts'
import { DEFAULT_LOG, META_LOG } from './core/log-name.ts'
import { replaceFile } from './files/durable.ts'
import { LogError } from './log/errors.ts'
import type { Logs } from './log/types.ts'

export interface FirstStart {
  /** Name of the log that was created; undefined when the database held logs already, as after a restore. */
  readonly log: string | undefined
  /** Shown once. */
  readonly adminKey: string
  /** Where it was saved, readable by this user only. */
  readonly keyFile: string
}

/**
 * Creates log `default` if the database has no log but `_meta`, and an admin key if it has no key.
 * @returns the key, when one was made
 */
export async function firstStart(dataDir: string, logs: Logs, keys: Keys): Promise<FirstStart | undefined> {
  const log = (await logs.list()).every(({ name }) => name === META_LOG)
    ? await createDefault(logs)
    : undefined
  if ((await keys.list()).length > 0) return undefined
  const { key } = await keys.create({ name: 'admin', scopes: [...SCOPES], logs: null })
  const keyFile = join(dataDir, 'admin.key')
  mkdirSync(dataDir, { recursive: true })
  await replaceFile(keyFile, encodeUtf8(`${key}\n`), 0o600)
  return { log, adminKey: key, keyFile }
}

/** @returns its name; undefined when another process was faster */
async function createDefault(logs: Logs): Promise<string | undefined> {
  try {
    await logs.create({ name: DEFAULT_LOG })
    return DEFAULT_LOG
  } catch (error) {
    if (error instanceof LogError && error.code === 'log_exists') return undefined
    throw error
  }
}
