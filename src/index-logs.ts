import type { Follower } from './audit/follow/follower.ts'
import type { FollowObserver } from './audit/follow/observer.ts'
// The search of every log: what indexes it, begun for each log as soon as there is one.
import { createIndexer } from './audit/search/indexer.ts'
import type { Vault } from './audit/vault/types.ts'
import type { Database } from './db/connect.ts'
import type { Logs } from './log/types.ts'

export interface IndexLogsDeps {
  readonly logs: Logs
  readonly vault: Vault
  readonly db: Database
  readonly lead: Database
  readonly observer: FollowObserver
  readonly report: (error: unknown, log?: string) => void
}

/** How often new logs are looked for; milliseconds. */
const LOOK_MS = 1_000

/** Resolves when all logs of now are followed. @returns what ends it, after the batches under way */
export async function indexLogs({ logs, report, ...deps }: IndexLogsDeps): Promise<() => Promise<void>> {
  const followed = new Map<string, Follower>()
  let looking: Promise<void> | undefined

  async function look(): Promise<void> {
    for (const { name } of await logs.list()) {
      if (followed.has(name)) continue
      const onDamage = (damaged: readonly unknown[]): void => damaged.forEach((one) => report(one, name))
      const follower = createIndexer({ ...deps, log: await logs.open(name), onDamage })
      followed.set(name, follower)
      follower.start()
    }
  }
  function lookAgain(): void {
    looking ??= look()
      .catch((error: unknown) => report(error))
      .finally(() => (looking = undefined))
  }

  await look()
  const timer = setInterval(lookAgain, LOOK_MS)
  return async () => {
    clearInterval(timer)
    await looking
    await Promise.all([...followed.values()].map((follower) => follower.stop()))
  }
}
