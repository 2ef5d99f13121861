// What an operator does to the vault past a running service: a new key for it, and no trace of what was erased.
import { erasedParts } from './audit/search/erased-parts.ts'
import { addKek } from './audit/vault/key-file.ts'
import { type Rewrapped, rewrap } from './audit/vault/rewrap.ts'
import { type OnScrub, scrub } from './audit/vault/scrub.ts'
import type { Config } from './config.ts'
import { META_LOG } from './core/log-name.ts'
import { connect, type Database } from './db/connect.ts'
import { reachDatabase, SERVICE_ROLE } from './open-database.ts'

type Tell = (message: string) => void

/**
 * Adds a new key to the key file, unless `add` is false, and wraps the keys of all people under the newest.
 * @throws ConfigError when there is no database; AuditError `vault_key_missing`, `vault_unavailable`; EmbeddedError
 */
export async function rewrapVault(
  config: Config,
  { add, onProgress }: { readonly add: boolean; readonly onProgress: (done: number, all: number) => void },
  tell: Tell,
): Promise<Rewrapped> {
  return withDatabase(config, tell, 'service', async (db) => {
    const keyFile = config.vaultKeyFile
    if (add) await addKek(keyFile)
    return rewrap({ db, keyFile }, onProgress)
  })
}

/**
 * Leaves nothing of what was erased in the files of the database. Needs its owner, as a superuser.
 * @throws ConfigError when there is no database; EmbeddedError; what Postgres says of a missing right
 */
export async function scrubVault(config: Config, onProgress: OnScrub, tell: Tell): Promise<void> {
  await withDatabase(config, tell, 'owner', async ({ sql }) =>
    scrub(sql, onProgress, await erasedParts(sql, META_LOG)),
  )
}

async function withDatabase<T>(
  config: Config,
  tell: Tell,
  as: 'service' | 'owner',
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const database = await reachDatabase(config, tell)
  const db = connect({
    url: as === 'owner' ? database.ownerUrl : database.url,
    ...(as === 'owner' ? {} : { role: SERVICE_ROLE }),
    max: 1,
    name: 'prooflog vault',
    statementTimeout: 0,
  })
  try {
    return await work(db)
  } finally {
    await db.close()
    await database.stop()
  }
}
