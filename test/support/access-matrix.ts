// Every route for every kind of caller and every kind of log, worked out from the access table and from nothing else: what the
// shell itself decides with is not asked. Keys are real. For the log's own routes and for those of other rooms.
import type { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Keys, type NewKey, openKeys } from '../../src/access/keys.ts'
import { ROLES } from '../../src/access/roles.ts'
import { SCOPES, type Scope } from '../../src/access/scopes.ts'
import { connect, type Database } from '../../src/db/connect.ts'
import type { Access, Journal } from '../../src/http/journal.ts'
import { type AccessTable, type Route, routeName } from '../../src/http/route.ts'
import { type TestDatabase, testDatabase } from './database.ts'

/** A request that succeeds for whoever may make it. */
export interface Sample {
  readonly query?: string
  readonly body?: () => string | Uint8Array<ArrayBuffer>
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  /** What stands for `:name` in the path; `:log` is filled in. */
  readonly params?: (keys: Keys, log: string) => Promise<Readonly<Record<string, string>>>
  /** Of the answer when the caller may; 200 unless the route documents another one. */
  readonly status?: number
}

export interface Matrix {
  readonly access: AccessTable
  /** One for each row. */
  readonly samples: Readonly<Record<string, Sample>>
  /** The app over logs `private`, `open` (public), `other`, `default` and `_meta`, each ready for the samples. */
  readonly open: (keys: Keys, journal: Journal) => Promise<{ app: Hono; routes: readonly Route[] }>
}

interface Caller {
  readonly scopes: readonly Scope[]
  readonly bound: boolean
  /** What somebody without a valid key is told. */
  readonly stranger?: string
}

const OWN = 'private'
/** Who has these changes something by every request that is no GET. */
const CHANGING: ReadonlySet<AccessTable[string]> = new Set([
  'logs:admin',
  'keys:write',
  'retention:write',
  'erasure:request',
  'erasure:approve',
])
const LOGS = [OWN, 'open', 'other', '_meta']
const GRANTS: Readonly<Record<string, readonly Scope[]>> = {
  ...ROLES,
  ...Object.fromEntries(SCOPES.map((scope) => [scope, [scope]])),
  everything: SCOPES,
}
const STRANGERS: Readonly<Record<string, string>> = {
  'no key': 'key_missing',
  'wrong key': 'key_malformed',
  'unknown key': 'key_unknown',
  revoked: 'key_revoked',
  expired: 'key_expired',
}
const CALLERS: Readonly<Record<string, Caller>> = {
  ...Object.fromEntries(
    Object.entries(STRANGERS).map(([name, stranger]) => [name, { scopes: [], bound: false, stranger }]),
  ),
  ...Object.fromEntries(
    Object.entries(GRANTS).flatMap(([name, scopes]) => [
      [name, { scopes, bound: false }],
      [`${name} of ${OWN}`, { scopes, bound: true }],
    ]),
  ),
}

/** Declares the tests. */
export function testAccess({ access, samples, open }: Matrix): void {
  let world: World
  let app: Hono
  let routes: ReadonlyMap<string, Route>
  const written: Access[] = []
  const journal: Journal = {
    note: (one) => void written.push(one),
    record: async (one) => void written.push(one),
  }
  beforeAll(async () => {
    world = await openWorld()
    const opened = await open(world.keys, journal)
    app = opened.app
    routes = new Map(opened.routes.map((route) => [routeName(route), route]))
  })
  afterAll(() => world.close())

  test('every row of the table has a route and a sample, and nothing else has one', () => {
    const rows = Object.keys(access).toSorted()
    expect(Object.keys(samples).toSorted()).toEqual(rows)
    expect(rows.filter((row) => !routes.has(row))).toEqual([])
  })

  describe.each(Object.keys(access))('%s', (row) => {
    const logs = row.includes('/:log') ? LOGS : ['']
    test.each(logs)('for everybody %s', async (log) => {
      const route = routes.get(row)!
      const found: Record<string, unknown> = {}
      const wanted: Record<string, unknown> = {}
      for (const [name, caller] of Object.entries(CALLERS)) {
        written.length = 0
        const sample = samples[row]!
        const code = expectedCode(route, access[row]!, caller, log)
        wanted[name] = code === undefined ? served(route, sample) : refused(caller, code)
        const response = await world.ask(app, { route, sample, log, key: name })
        found[name] = await outcomeOf(response, code)
        const denied = { action: 'denied', route: row, status: response.status, code }
        const changes = written.filter(({ action }) => action === 'admin').map(({ status }) => status)
        expect(changes, `${name}: a change is written down before it is made, and what came of it`).toEqual(
          code === undefined && CHANGING.has(access[row]!) && route.method !== 'GET'
            ? [undefined, response.status]
            : [],
        )
        expect(written, `${name}: whether he was denied is written down`).toMatchObject(
          code === undefined ? written.filter(({ action }) => action !== 'denied') : [denied],
        )
      }
      expect(found).toEqual(wanted)
    })
  })
}

function served(route: Route, sample: Sample): object {
  return { status: sample.status ?? route.doc.status ?? 200 }
}

function refused(caller: Caller, code: string): object {
  const status = caller.stranger === undefined ? 403 : 401
  const challenge = status === 403 ? null : code === 'key_missing' ? 'Bearer' : 'Bearer error="invalid_token"'
  return { status, code, challenge }
}

/** What the table says; `undefined` is success. */
function expectedCode(
  route: Route,
  access: AccessTable[string],
  { scopes, bound, stranger }: Caller,
  named: string,
): string | undefined {
  if (access === 'public' || (access === 'entries:read unless public' && named === 'open')) return undefined
  if (stranger !== undefined) return stranger
  const scope = access === 'entries:read unless public' ? 'entries:read' : access
  const log = !('onLog' in route) ? undefined : route.path.includes('/:log') ? named : bound ? OWN : 'default'
  let needed: Scope[] = [scope]
  if (log === '_meta') {
    const reads = ['entries:read', 'search:read', 'export:create', 'pii:reveal', 'meta:read'].includes(scope)
    if (!reads && route.method !== 'GET' && !('onMeta' in route)) return 'log_reserved'
    if (reads) needed = ['entries:read', 'search:read'].includes(scope) ? ['meta:read'] : [scope, 'meta:read']
  }
  if (!needed.every((one) => scopes.includes(one))) return 'insufficient_scope'
  if (bound && log !== OWN) return 'key_not_for_log'
  return undefined
}

/** @param code the expected one, where the route answers refusals in words of its own */
async function outcomeOf(response: Response, code: string | undefined): Promise<unknown> {
  const { status, headers } = response
  if (status < 400) {
    await response.body?.cancel()
    return { status }
  }
  const own = headers.get('content-type') !== 'application/problem+json'
  const body = await response.text()
  return {
    status,
    code: own ? code : (JSON.parse(body) as { code: string }).code,
    challenge: headers.get('www-authenticate'),
  }
}

interface World {
  readonly keys: Keys
  ask(app: Hono, request: { route: Route; sample: Sample; log: string; key: string }): Promise<Response>
  close(): Promise<void>
}

async function openWorld(): Promise<World> {
  const database = await testDatabase()
  const db = connect({ url: database.url })
  let now = Date.parse('2030-01-01T00:00:00Z')
  const keys = await openKeys(db, { now: () => now, monotonic: () => 0 })
  const bearers = new Map([['wrong key', 'plog_oops']])
  const make = async (name: string, more: Partial<NewKey> = {}): Promise<string> => {
    const { key, info } = await keys.create({ name, scopes: SCOPES, ...more })
    bearers.set(name, key)
    return info.id
  }
  for (const [name, { scopes, bound, stranger }] of Object.entries(CALLERS))
    if (stranger === undefined) await make(name, { scopes, logs: bound ? [OWN] : null })
  await keys.revoke(await make('revoked'))
  await make('expired', { expiresAt: new Date(now + 1) })
  now += 1
  await forgetKey(database, await make('unknown key'))
  return {
    keys,
    async ask(app, { route, sample, log, key }) {
      const params = await sample.params?.(keys, log)
      const path = route.path
        .replace(':log', log)
        .replaceAll(/:(\w+)(\{[^}]*\})?/g, (whole, name: string) => params?.[name] ?? whole)
      const bearer = bearers.get(key)
      return app.request(path + (sample.query ?? ''), {
        method: route.method,
        headers: {
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
          ...(sample.type === undefined ? {} : { 'content-type': sample.type }),
          ...sample.headers,
        },
        ...(sample.body === undefined ? {} : { body: sample.body() }),
      })
    },
    close: () => closeAll(keys, db, database),
  }
}

async function forgetKey(database: TestDatabase, id: string): Promise<void> {
  await database.owner`DELETE FROM access.keys WHERE id = ${id}`
}

async function closeAll(keys: Keys, db: Database, database: TestDatabase): Promise<void> {
  await keys.close()
  await db.close()
  await database.drop()
}
