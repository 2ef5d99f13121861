// What counts as personal in each log.
import { DEFAULT_PRIVACY, parsePrivacy, type PrivacyPolicy } from './audit/event/privacy.ts'
import { META_PRIVACY } from './audit/meta/meta-log.ts'
import { decodeUtf8 } from './core/bytes.ts'
import { META_LOG } from './core/log-name.ts'
import { createPolicyFiles } from './files/policy-files.ts'

/**
 * The policy of a log as its file is now; the default without one. A file that cannot be read stops what comes in.
 * @param folder of the files `<log>.privacy`
 * @throws LogError `policy_invalid`; what parsePrivacy throws
 */
export function privacyOf(folder: string): (log: string) => PrivacyPolicy {
  const fileOf = createPolicyFiles(folder, 'privacy')
  const parsed = new Map<string, { version: string; policy: PrivacyPolicy }>()
  return (name) => {
    const file = fileOf(name)
    if (file === undefined) return name === META_LOG ? META_PRIVACY : DEFAULT_PRIVACY
    const before = parsed.get(name)
    if (before?.version === file.version) return before.policy
    const policy = parsePrivacy(decodeUtf8(file.bytes))
    parsed.set(name, { version: file.version, policy })
    return policy
  }
}
