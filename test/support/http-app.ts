import type { Hono } from 'hono'
import { pino } from 'pino'
import { AccessError } from '../../src/access/errors.ts'
import type { KeyInfo, Keys } from '../../src/access/keys.ts'
import { checkNewKey } from '../../src/access/new-key.ts'
import { SCOPES, type Scope } from '../../src/access/scopes.ts'
import { type AppDeps, createApp } from '../../src/http/app.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import { fakeLog, type FakeLogs, fakeLogs } from './fake-logs.ts'

/** Bearer of every scope for every log. */
export const ALL = { authorization: 'Bearer all' }

export interface TestApp {
  readonly app: Hono
  readonly logs: FakeLogs
  readonly deps: AppDeps
  /** Lines of the request log, at every level. */
  readonly lines: Record<string, unknown>[]
  readonly stop: AbortController
  /** Set to make the database unreachable for probes. */
  readonly database: { fault: Error | undefined }
}

/** The app over logs in memory: `private` and `open` (public), each with 300 entries "0" to "299". */
export async function testApp(more: Partial<AppDeps> = {}): Promise<TestApp> {
  const logs = fakeLogs(fakeLog('private'), fakeLog('open', { public: true }))
  const entries = Array.from({ length: 300 }, (_, i) => Buffer.from(String(i)))
  for (const log of logs.byName.values()) await log.append(entries)
  const lines: Record<string, unknown>[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const stop = new AbortController()
  const database = { fault: undefined as Error | undefined }
  const deps: AppDeps = {
    logs,
    keys: fakeKeys(),
    metrics: createMetrics(),
    logger,
    stopping: stop.signal,
    listing: { contact: 'someone at example', qpd: 86_400 },
    version: '1.2.3',
    database: {
      async ping() {
        if (database.fault) throw database.fault
      },
    },
    ...more,
  }
  return { app: createApp(deps), logs, deps, lines, stop, database }
}

/** `all` has every scope, each scope's own name has just that one. Real keys have their own tests, on Postgres. */
export function fakeKeys(): Keys {
  const made: KeyInfo[] = []
  return {
    async create(request) {
      const { scopes, logs, expiresAt, source, createdBy, rateAppend, rateRead } = checkNewKey(
        request,
        Date.now(),
      )
      const key: KeyInfo = {
        ...infoOf(`key${made.length}`, scopes),
        name: request.name,
        logs,
        expiresAt,
        source: source ?? request.name,
        createdBy,
        rates: { append: rateAppend, read: rateRead },
      }
      made.push(key)
      return { key: 'plog_secret', info: key }
    },
    async verify(text) {
      if (text === 'all') return infoOf('all', SCOPES)
      const scope = SCOPES.find((one) => one === text)
      if (scope) return infoOf(scope, [scope])
      if (text === 'down') throw new AccessError('access_unavailable', 'keys cannot be checked now')
      throw new AccessError('key_unknown', 'this key is not known here')
    },
    list: async () => made,
    async revoke(id) {
      const key = made.find((one) => one.id === id)
      if (!key) throw new AccessError('key_not_found', 'there is no such key')
      return { ...key, revokedAt: new Date(1) }
    },
    close: async () => {},
  }
}

function infoOf(id: string, scopes: readonly Scope[]): KeyInfo {
  return {
    kind: 'key',
    id,
    name: id,
    scopes,
    logs: null,
    source: id,
    createdBy: null,
    rates: { append: null, read: null },
    createdAt: new Date(0),
    expiresAt: null,
    revokedAt: null,
  }
}

/** The problem document of an answer, with its status and the headers that matter. */
export async function problemOf(
  response: Response,
): Promise<{ status: number; code: unknown; body: Record<string, unknown>; headers: Headers }> {
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, code: body['code'], body, headers: response.headers }
}
