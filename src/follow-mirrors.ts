// The mirrors of the service's own logs: files of an operator, and what is brought to them when a checkpoint is published.
import type { Config } from './config.ts'
import { createPolicyFiles } from './files/policy-files.ts'
import type { MirrorObserver } from './http/mirror-metrics.ts'
import type { Observer } from './log/observer.ts'
import type { KeyRing, LogStore } from './log/ports.ts'
import type { Logs } from './log/types.ts'
import { followLogs, type LogFollower } from './mirror/follow-logs.ts'
import { parseMirrors } from './mirror/mirrors-file.ts'

export interface FollowMirrorsDeps {
  readonly config: Config
  readonly logs: Logs
  readonly store: LogStore
  readonly keys: KeyRing
  readonly observer: MirrorObserver
  readonly report: (error: unknown, log: string) => void
}

/** Follows the logs whose keys this process holds: what it publishes, it brings to their mirrors. */
export async function followMirrors(deps: FollowMirrorsDeps): Promise<LogFollower> {
  const { config, logs, store, keys, observer, report } = deps
  const fileOf = createPolicyFiles(config.policiesDir, 'mirrors')
  const follower = followLogs({
    logs,
    store,
    mirrorsOf: (log) => {
      const file = fileOf(log)
      return file === undefined ? [] : parseMirrors(file.bytes)
    },
    onPush: (log, mirror, behind, failure) => observer.mirrored(log, mirror, behind, failure !== undefined),
    report,
  })
  // What a mirror missed while this service was down.
  for (const info of await logs.list()) {
    const signers = info.mirrored ? [] : await keys.signers(info).catch(() => [])
    if (signers.length > 0) follower.wake(info.name)
  }
  return follower
}

/** Tells of every checkpoint that this process publishes. */
export function tellingPublished(observer: Observer, published: (log: string) => void): Observer {
  return {
    ...observer,
    published(log, size, signedAt) {
      observer.published(log, size, signedAt)
      published(log)
    },
  }
}
