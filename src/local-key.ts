import { type KeyInfo, type NewKey, openKeys } from './access/keys.ts'
export { type Role, ROLE_NAMES } from './access/roles.ts'
export { type Scope, SCOPES } from './access/scopes.ts'
import type { Config } from './config.ts'
import { connect, type Database } from './db/connect.ts'
import { reachDatabase, SERVICE_ROLE } from './open-database.ts'

/** A key as the HTTP API describes one; `key` is shown once. Times are ISO 8601. */
export interface LocalKey {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly logs: readonly string[] | null
  readonly source: string
  readonly created_by: string | null
  readonly rate_append: number | null
  readonly rate_read: number | null
  readonly created_at: string
  readonly expires_at: string | null
  readonly revoked_at: string | null
  readonly key: string
}

/** As the HTTP API takes it. */
type Request = Pick<NewKey, 'name' | 'role' | 'scopes' | 'logs' | 'source'> & { readonly expires_at?: string }

/**
 * Creates an API key in the database of this configuration, whether a service runs on it or not: whoever may write to the
 * database may do this, so it needs no other key.
 * @param log told what an operator should know
 * @throws ConfigError when there is no database; AccessError `invalid_key_request`, `access_unavailable`; EmbeddedError
 */
export async function createLocalKey(
  config: Config,
  request: Request,
  log: (message: string) => void,
): Promise<LocalKey> {
  const database = await reachDatabase(config, log)
  const pool = connect({ url: database.url, role: SERVICE_ROLE, max: 1, name: 'prooflog key' })
  try {
    const { key, info } = await createIn(pool, request)
    return {
      id: info.id,
      name: info.name,
      scopes: info.scopes,
      logs: info.logs,
      source: info.source,
      created_by: info.createdBy,
      rate_append: info.rates.append,
      rate_read: info.rates.read,
      created_at: info.createdAt.toISOString(),
      expires_at: info.expiresAt?.toISOString() ?? null,
      revoked_at: null,
      key,
    }
  } finally {
    await pool.close()
    await database.stop()
  }
}

async function createIn(
  pool: Database,
  { expires_at: expires, ...request }: Request,
): Promise<{ key: string; info: KeyInfo }> {
  const keys = await openKeys(pool)
  try {
    const expiresAt = expires === undefined ? null : new Date(expires)
    return await keys.create({ ...request, expiresAt })
  } finally {
    await keys.close()
  }
}
