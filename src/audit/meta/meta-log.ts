import { META_LOG } from '../../core/log-name.ts'
import { LogError } from '../../log/errors.ts'
import type { Logs } from '../../log/types.ts'

/**
 * Creates log `_meta` unless there is one: private, and signed like any other.
 * @throws LogError as Logs.list and Logs.create
 */
export async function ensureMetaLog(logs: Pick<Logs, 'list' | 'create'>): Promise<void> {
  if ((await logs.list()).some(({ name }) => name === META_LOG)) return
  try {
    await logs.create({ name: META_LOG, public: false })
  } catch (error) {
    // Another process was faster.
    if (!(error instanceof LogError && error.code === 'log_exists')) throw error
  }
}
