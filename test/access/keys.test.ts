import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { generateKey } from '../../src/access/key-format.ts'
import { type Keys, openKeys } from '../../src/access/keys.ts'
import { connect, type Database } from '../../src/db/connect.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
const opened: { keys: Keys; db: Database }[] = []
beforeAll(async () => {
  database = await testDatabase()
})
afterEach(async () => {
  for (const { keys, db } of opened.splice(0)) {
    await keys.close().catch(() => {})
    await db.close()
  }
})
afterAll(() => database.drop())

/** Keys as one process of the service has them. */
async function aProcess(options: Parameters<typeof openKeys>[1] = {}): Promise<{ keys: Keys; db: Database }> {
  const db = connect({ url: database.url, max: 2 })
  const process = { keys: await openKeys(db, options), db }
  opened.push(process)
  return process
}

/** The same database, whose readings are counted. */
function counting(db: Database): { db: Database; reads: () => number } {
  let reads = 0
  const orm = new Proxy(db.orm, {
    get(target, name, receiver) {
      if (name === 'select') reads++
      return Reflect.get(target, name, receiver)
    },
  })
  return { db: { ...db, orm }, reads: () => reads }
}

test('a new key verifies with exactly the rights it was given', async () => {
  const { keys } = await aProcess()
  const expiresAt = new Date(Date.now() + 3_600_000)
  const { key, info } = await keys.create({
    name: 'ci',
    scopes: ['entries:append'],
    logs: ['a', 'b'],
    expiresAt,
  })
  expect(await keys.verify(key)).toEqual(info)
  expect(info).toMatchObject({
    name: 'ci',
    scopes: ['entries:append'],
    logs: ['a', 'b'],
    expiresAt,
    revokedAt: null,
  })
})

test('the secret is stored nowhere: not in the row, not in the list', async () => {
  const { keys } = await aProcess()
  const { key } = await keys.create({ name: 'secret', scopes: ['entries:read'] })
  const secret = key.split('_')[2]!
  const rows = await database.owner`SELECT keys::text AS row FROM access.keys`
  expect(rows.length).toBeGreaterThan(0)
  expect(JSON.stringify(rows)).not.toContain(secret)
  expect(JSON.stringify(await keys.list())).not.toContain(secret)
})

test('an unknown key and a known id with a wrong secret are refused alike', async () => {
  const { keys } = await aProcess()
  const a = await keys.create({ name: 'a', scopes: ['entries:read'] })
  await database.owner`UPDATE access.keys SET digest = sha256('other') WHERE id = ${a.info.id}`
  await expect(keys.verify(a.key)).rejects.toMatchObject({ code: 'key_unknown' })
  await database.owner`DELETE FROM access.keys WHERE id = ${a.info.id}`
  await expect(keys.verify(a.key)).rejects.toMatchObject({ code: 'key_unknown' })
})

test('a revoked key dies at once in this process, and by notification in the others', async () => {
  const here = await aProcess()
  // Time stands still there: nothing but the notification can make it forget.
  const there = await aProcess({ monotonic: () => 1000 })
  const { key, info } = await here.keys.create({ name: 'leaked', scopes: ['entries:append'] })
  await there.keys.verify(key)
  await here.keys.verify(key)
  await here.keys.revoke(info.id)
  await expect(here.keys.verify(key)).rejects.toMatchObject({ code: 'key_revoked' })
  await expect.poll(() => there.keys.verify(key).catch((error) => error.code)).toBe('key_revoked')
})

test('a lost notification is made up for within five seconds', async () => {
  let clock = 1000
  const here = await aProcess({ monotonic: () => clock })
  const { key, info } = await here.keys.create({ name: 'lost', scopes: ['entries:append'] })
  await here.keys.verify(key)
  await database.owner.begin(async (tx) => {
    await tx`SET LOCAL session_replication_role = replica` // no trigger, so no notification
    await tx`UPDATE access.keys SET revoked_at = now() WHERE id = ${info.id}`
  })
  clock += 4_999
  await here.keys.verify(key)
  clock += 2
  await expect(here.keys.verify(key)).rejects.toMatchObject({ code: 'key_revoked' })
})

test('a key expires to the millisecond, cached or not', async () => {
  let now = Date.parse('2030-01-01T00:00:00Z')
  const { keys } = await aProcess({ now: () => now, monotonic: () => 1000 })
  const { key } = await keys.create({
    name: 'short',
    scopes: ['entries:read'],
    expiresAt: new Date(now + 10),
  })
  await keys.verify(key)
  now += 9
  await keys.verify(key)
  now += 1
  await expect(keys.verify(key)).rejects.toMatchObject({ code: 'key_expired' })
})

test('revoking twice keeps the first time; an unknown id is said to be unknown', async () => {
  const { keys } = await aProcess()
  const { info } = await keys.create({ name: 'twice', scopes: ['entries:read'] })
  const first = await keys.revoke(info.id)
  expect(first.revokedAt).toBeInstanceOf(Date)
  expect(await keys.revoke(info.id)).toEqual(first)
  for (const id of ['nobody', 'zzzzzzzzzzzz', '\0', '', `${info.id}\0`, `${info.id}\n`])
    await expect(keys.revoke(id), JSON.stringify(id)).rejects.toMatchObject({ code: 'key_not_found' })
})

test('what is revoked stays revoked, and the service may change nothing else of a key', async () => {
  const { keys, db } = await aProcess()
  const { info } = await keys.create({ name: 'firm', scopes: ['entries:read'] })
  await keys.revoke(info.id)
  await expect(
    database.owner`UPDATE access.keys SET revoked_at = NULL WHERE id = ${info.id}`,
  ).rejects.toThrow('is revoked')
  await expect(
    db.sql`UPDATE access.keys SET scopes = ARRAY['logs:admin'] WHERE id = ${info.id}`,
  ).rejects.toThrow('permission denied')
  await expect(db.sql`DELETE FROM access.keys WHERE id = ${info.id}`).rejects.toThrow('permission denied')
})

test('a key that could do nothing, or never, is not made', async () => {
  const { keys } = await aProcess()
  const refused = { code: 'invalid_key_request' }
  await expect(keys.create({ name: '', scopes: ['entries:read'] })).rejects.toMatchObject(refused)
  await expect(keys.create({ name: 'x'.repeat(201), scopes: ['entries:read'] })).rejects.toMatchObject(
    refused,
  )
  await expect(keys.create({ name: 'x', scopes: [] })).rejects.toMatchObject(refused)
  await expect(keys.create({ name: 'x', scopes: ['entries:write' as 'entries:read'] })).rejects.toMatchObject(
    refused,
  )
  await expect(keys.create({ name: 'x', scopes: ['entries:read'], logs: [] })).rejects.toMatchObject(refused)
  await expect(
    keys.create({ name: 'x', scopes: ['entries:read'], expiresAt: new Date(0) }),
  ).rejects.toMatchObject(refused)
})

test('a key expires at a time that can be written, or is not made', async () => {
  const { keys } = await aProcess()
  const last = new Date('9999-12-31T23:59:59.999Z')
  const { info } = await keys.create({ name: 'x', scopes: ['entries:read'], expiresAt: last })
  expect(info.expiresAt).toEqual(last)
  // The second is what '9999-12-31T23:59:59-01:00' means.
  for (const time of [last.getTime() + 1, last.getTime() + 3_600_000, 8.64e15, Number.NaN])
    await expect(
      keys.create({ name: 'x', scopes: ['entries:read'], expiresAt: new Date(time) }),
    ).rejects.toMatchObject({ code: 'invalid_key_request' })
})

test('while the database is down a cached key works and any other is unavailable, never unknown', async () => {
  const own = await testDatabase()
  const db = connect({ url: own.url, max: 2 })
  const keys = await openKeys(db, { monotonic: () => 1000 })
  const cached = await keys.create({ name: 'cached', scopes: ['entries:append'] })
  const fresh = await keys.create({ name: 'fresh', scopes: ['entries:append'] })
  await keys.verify(cached.key)
  await db.close()
  expect(await keys.verify(cached.key)).toEqual(cached.info)
  await expect(keys.verify(fresh.key)).rejects.toMatchObject({ code: 'access_unavailable' })
  await own.drop()
})

test('a thousand requests with one new key ask the database once', async () => {
  const { db, keys: maker } = await aProcess()
  const { key } = await maker.create({ name: 'busy', scopes: ['entries:append'] })
  const counted = counting(db)
  const keys = await openKeys(counted.db)
  await Promise.all(Array.from({ length: 1000 }, () => keys.verify(key)))
  await keys.verify(key)
  expect(counted.reads()).toBe(1)
})

test('a flood of made-up keys takes a few queries; known keys, due to be read again, and new ones go through it', async () => {
  const { db, keys: maker } = await aProcess()
  const counted = counting(db)
  let clock = 0
  const keys = await openKeys(counted.db, { monotonic: () => clock })
  const known = await maker.create({ name: 'known', scopes: ['entries:append'] })
  await keys.verify(known.key)
  clock += 6_000
  const madeUp = Array.from({ length: 3_000 }, () =>
    keys.verify(generateKey().key).catch((error) => error.code),
  )
  const fresh = await keys.create({ name: 'fresh', scopes: ['entries:append'] })
  const elsewhere = await maker.create({ name: 'elsewhere', scopes: ['entries:append'] })
  for (const { key, info } of [known, fresh, elsewhere]) expect(await keys.verify(key)).toEqual(info)
  expect(new Set(await Promise.all(madeUp))).toEqual(new Set(['key_unknown']))
  expect(counted.reads()).toBeLessThan(15)
})

test('a key that was unknown a moment ago is known as soon as it is there', async () => {
  const { keys } = await aProcess({ monotonic: () => 1000 })
  const { key, info } = await keys.create({ name: 'late', scopes: ['entries:append'] })
  const [row] = await database.owner`DELETE FROM access.keys WHERE id = ${info.id} RETURNING *`
  await expect(keys.verify(key)).rejects.toMatchObject({ code: 'key_unknown' })
  await database.owner`INSERT INTO access.keys ${database.owner(row!)}`
  expect(await keys.verify(key)).toEqual(info)
})

test('a role stands for its scopes, and a key files its events under its source', async () => {
  const { keys } = await aProcess()
  const { key, info } = await keys.create({
    name: 'ci',
    role: 'auditor',
    source: 'build',
    rates: { append: 5, read: 0 },
  })
  expect(await keys.verify(key)).toEqual(info)
  expect(info).toMatchObject({
    kind: 'key',
    scopes: ['search:read', 'entries:read', 'export:create', 'meta:read'],
    source: 'build',
    createdBy: null,
    rates: { append: 5, read: 0 },
  })
  expect((await keys.create({ name: 'web', role: 'producer' })).info).toMatchObject({
    source: 'web',
    rates: { append: null, read: null },
  })
})

test('nobody grants a scope or a log that he does not have himself, and who made a key is remembered', async () => {
  const { keys } = await aProcess()
  const { info: maker } = await keys.create({ name: 'maker', scopes: ['keys:write', 'events:append'] })
  const { info: made } = await keys.create({ name: 'made', role: 'producer', logs: ['a'], by: maker })
  expect(made.createdBy).toBe(maker.id)
  expect((await keys.list()).find(({ id }) => id === made.id)?.createdBy).toBe(maker.id)
  for (const more of [
    { role: 'dpo' },
    { role: 'admin' },
    { scopes: ['events:append', 'meta:read'] },
  ] as const)
    await expect(keys.create({ name: 'x', ...more, by: maker })).rejects.toMatchObject({
      code: 'grant_not_held',
    })
  const bound = { ...maker, logs: ['a', 'b'] }
  for (const logs of [null, undefined, ['a', 'c']])
    await expect(
      keys.create({ name: 'x', role: 'producer', ...(logs === undefined ? {} : { logs }), by: bound }),
    ).rejects.toMatchObject({ code: 'grant_not_held' })
  await keys.create({ name: 'x', role: 'producer', logs: ['b'], by: bound })
})

test('no key is made that speaks as the service itself, or for whom nobody could say what it may do', async () => {
  const { keys } = await aProcess()
  const wrong: Parameters<Keys['create']>[0][] = [
    { name: 'prooflog', role: 'producer' },
    { name: 'x', role: 'producer', source: 'prooflog' },
    { name: 'x', role: 'producer', source: '' },
    { name: 'x', role: 'producer', source: 'half \ud800' },
    { name: 'x', role: 'producer', scopes: ['entries:read'] },
    { name: 'x' },
    { name: 'x', role: 'root' as 'admin' },
    { name: 'x', role: 'toString' as 'admin' },
    { name: 'x', role: 'producer', rates: { append: -1 } },
    { name: 'x', role: 'producer', rates: { read: 1.5 } },
  ]
  for (const request of wrong)
    await expect(keys.create(request), JSON.stringify(request)).rejects.toMatchObject({
      code: 'invalid_key_request',
    })
  expect((await keys.create({ name: 'prooflog', role: 'producer', source: 'other' })).info.source).toBe(
    'other',
  )
})

test('the service may change neither source nor rates nor maker of a key', async () => {
  const { keys, db } = await aProcess()
  const { info } = await keys.create({ name: 'firm', role: 'producer' })
  for (const change of ["source = 'x'", 'rate_append = 0', 'rate_read = 0', "created_by = 'x'"])
    await expect(db.sql.unsafe(`UPDATE access.keys SET ${change} WHERE id = '${info.id}'`)).rejects.toThrow(
      'permission denied',
    )
})
