import { META_LOG } from '../../core/log-name.ts'
import { LogError } from '../../log/errors.ts'
import type { Logs } from '../../log/types.ts'
import { parsePrivacy, type PrivacyPolicy } from '../event/privacy.ts'

/**
 * What is personal in `_meta` unless its own file says otherwise: as everywhere, but how often and why somebody was refused is
 * nobody's, so that an auditor without `pii:reveal` sees it.
 */
export const META_PRIVACY: PrivacyPolicy = parsePrivacy(
  JSON.stringify({ clear: ['extra.count', 'extra.until', 'extra.code', 'extra.unlisted'] }),
)

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
