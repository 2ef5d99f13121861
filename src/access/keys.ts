// API keys: created and shown once, verified on every request, revoked at once.
import { timingSafeEqual } from 'node:crypto'
import { and, asc, eq, isNull, sql } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { Database } from '../db/connect.ts'
import { driverError } from '../db/driver-error.ts'
import { AccessError } from './errors.ts'
import { generateKey, KEY_ID, parseKey } from './key-format.ts'
import { checkNewKey, type NewKey } from './new-key.ts'
import type { Principal, Rates } from './principal.ts'
import { readTogether } from './read-together.ts'
import { keys } from './tables.ts'

export type { NewKey }

export interface KeyInfo extends Principal {
  readonly kind: 'key'
  readonly createdBy: string | null
  readonly rates: Rates
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

export interface Keys {
  /** `key` is shown here and never again. @throws AccessError `invalid_key_request`, `grant_not_held`, `access_unavailable` */
  create(request: NewKey): Promise<{ key: string; info: KeyInfo }>
  /**
   * The key's rights, for the request in hand only: ask again for the next one.
   * @throws AccessError `key_malformed`, `key_unknown`, `key_revoked`, `key_expired`; `access_unavailable` when it cannot be known
   */
  verify(text: string): Promise<KeyInfo>
  /** Oldest first, expired and revoked ones too. @throws AccessError `access_unavailable` */
  list(): Promise<KeyInfo[]>
  /** Revoking twice keeps the first time. @throws AccessError `key_not_found`, `access_unavailable` */
  revoke(id: string): Promise<KeyInfo>
  /** Stops listening for changes made by other processes. */
  close(): Promise<void>
}

type Row = typeof keys.$inferSelect

/** At most this long does a process believe what it read, if the notification of a change is lost; milliseconds. */
const BELIEF = 5_000
const CACHED_KEYS = 10_000
const CHANNEL = 'prooflog_keys'

/**
 * Opens the keys of one database. Verified keys are cached by id (10,000, 5 s); a change made by any process reaches the
 * cache by NOTIFY from a trigger on the table, so a revoked key dies everywhere within a round trip.
 * @param options.now POSIX milliseconds, for expiry
 * @param options.monotonic milliseconds that never go back, for the age of the cache
 */
export async function openKeys(
  db: Database,
  options: { now?: () => number; monotonic?: () => number } = {},
): Promise<Keys> {
  const now = options.now ?? Date.now
  const cache = keyCache(db, options.monotonic ?? (() => performance.now()))
  // On (re)connection notifications may have been lost: forget everything.
  const listening = await db.sql.listen(CHANNEL, cache.forget, cache.forgetAll)
  return {
    create: (request) => createKey(db, request, now()),
    verify: async (text) => {
      const { id, digest } = parseKey(text)
      return checkKey(cache.get(id) ?? (await available(cache.load(id))), digest, now())
    },
    list: async () =>
      (await available(db.orm.select().from(keys).orderBy(asc(keys.createdAt), asc(keys.id)))).map(infoOf),
    revoke: async (id) => {
      const info = await revokeKey(db, id)
      cache.forget(id)
      return info
    },
    close: () => listening.unlisten(),
  }
}

/** Says nothing about a key, not even that it exists, before its secret was shown. */
function checkKey(row: Row | undefined, digest: Uint8Array, now: number): KeyInfo {
  if (row === undefined || !timingSafeEqual(row.digest, digest)) {
    throw new AccessError(
      'key_unknown',
      'this key is not known here: check that it was created on this server',
    )
  }
  if (row.revokedAt !== null)
    throw new AccessError('key_revoked', `key ${row.id} was revoked: use another one`, { id: row.id })
  if (row.expiresAt !== null && row.expiresAt.getTime() <= now) {
    throw new AccessError('key_expired', `key ${row.id} expired: create a new one`, { id: row.id })
  }
  return infoOf(row)
}

function keyCache(db: Database, monotonic: () => number) {
  const rows = new LRUCache<string, Row>({
    max: CACHED_KEYS,
    ttl: BELIEF,
    ttlResolution: 0,
    perf: { now: monotonic },
  })
  // One query per key however many requests wait for it. A read that was under way when a change came is not kept.
  const loading = new Map<string, Promise<Row | undefined>>()

  const read = readTogether(async (ids) => {
    const found = await db.orm
      .select()
      .from(keys)
      .where(sql`${keys.id} = ANY(${sql.param(ids)})`)
    return new Map(found.map((row) => [row.id, row]))
  })
  return {
    get: (id: string): Row | undefined => rows.get(id),
    load: async (id: string): Promise<Row | undefined> => {
      const reading = loading.get(id) ?? read(id)
      loading.set(id, reading)
      try {
        const row = await reading
        if (row !== undefined && loading.get(id) === reading) rows.set(id, row)
        return row
      } finally {
        if (loading.get(id) === reading) loading.delete(id)
      }
    },
    forget: (id: string): void => {
      loading.delete(id)
      rows.delete(id)
    },
    forgetAll: (): void => {
      loading.clear()
      rows.clear()
    },
  }
}

async function createKey(
  db: Database,
  request: NewKey,
  now: number,
): Promise<{ key: string; info: KeyInfo }> {
  const checked = checkNewKey(request, now)
  const { key, id, digest } = generateKey()
  const [row] = await available(
    db.orm
      .insert(keys)
      .values({ id, digest, ...checked })
      .returning(),
  )
  if (row === undefined)
    throw new AccessError('access_unavailable', 'the database stored the key but did not return it')
  return { key, info: infoOf(row) }
}

async function revokeKey(db: Database, id: string): Promise<KeyInfo> {
  if (!KEY_ID.test(id))
    throw new AccessError('key_not_found', 'there is no such key: an id is 12 characters of 0-9, A-Z and a-z')
  const revoking = db.orm
    .update(keys)
    .set({ revokedAt: sql`now()` })
    .where(and(eq(keys.id, id), isNull(keys.revokedAt)))
    .returning()
  const [revoked] = await available(revoking)
  const [row] = revoked ? [revoked] : await available(db.orm.select().from(keys).where(eq(keys.id, id)))
  if (row === undefined) throw new AccessError('key_not_found', `there is no key ${JSON.stringify(id)}`)
  return infoOf(row)
}

/** Whatever the database refuses here is not the caller's fault. */
async function available<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query
  } catch (cause) {
    throw new AccessError(
      'access_unavailable',
      'keys cannot be checked now: the database does not answer',
      {},
      { cause: driverError(cause) },
    )
  }
}

function infoOf(row: Row): KeyInfo {
  const { id, name, scopes, logs, source, createdBy, createdAt, expiresAt, revokedAt } = row
  const rates = { append: row.rateAppend, read: row.rateRead }
  return {
    kind: 'key',
    id,
    name,
    scopes,
    logs,
    source: source ?? name,
    createdBy,
    rates,
    createdAt,
    expiresAt,
    revokedAt,
  }
}
