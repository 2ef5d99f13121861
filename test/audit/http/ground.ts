// The service as `prooflog serve` puts it together, on a database of the test's own and a free port: what senders and readers
// meet, with real sockets, vault, search and journal.
import { type Logger, pino } from 'pino'
import { expect, vi } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { serve } from '../../../src/serve.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { testFolder } from '../../support/engine.ts'
import { type PostgresProxy, proxyTo } from '../../support/proxy.ts'
import { adminKey } from '../../support/service.ts'

export interface HttpGround {
  readonly url: string
  readonly database: TestDatabase
  /** Between the service and its database. */
  readonly proxy: PostgresProxy
  /** Every scope, every log. */
  readonly root: string
  /** A new key. */
  key(request: object): Promise<{ key: string; id: string }>
  /** @param path with the query; `key` is the bearer, root without */
  ask(path: string, init?: Ask): Promise<Response>
  /** Creates a log. */
  log(name: string): Promise<void>
  /** What was logged as an unforeseen fault, or answered 500. */
  readonly faults: unknown[]
  /** Its database is back, and it is well. */
  ready(): Promise<void>
  /** Indexed as far as it is published, up to `size` at least. */
  indexed(log: string, size: number): Promise<void>
  close(): Promise<void>
}

export interface Ask extends Omit<RequestInit, 'body' | 'headers'> {
  readonly key?: string | null
  readonly type?: string
  readonly body?: string | Uint8Array | undefined
  readonly headers?: Readonly<Record<string, string>>
}

export const PATIENCE = { timeout: 20_000, interval: 30 }

export async function httpGround(env: Readonly<Record<string, string>> = {}): Promise<HttpGround> {
  const { folder, remove } = testFolder()
  const database = await testDatabase()
  const proxy = await proxyTo(database.ownerUrl)
  const faults: unknown[] = []
  const config = readConfig({
    DATABASE_URL: proxy.url,
    PROOFLOG_DATA: folder,
    PROOFLOG_PUBLISH_MS: '50',
    PROOFLOG_SELF_CHECK_RATE: '0',
    PROOFLOG_RATE_READ: '0',
    PROOFLOG_OTLP_AUDIT: 'on',
    PORT: '0',
    ...env,
  })
  const service = await serve(config, unforeseen(faults))
  const root = adminKey(folder)

  async function ask(
    path: string,
    { key = root, type, headers, body, ...init }: Ask = {},
  ): Promise<Response> {
    const response = await fetch(service.url + path, {
      ...init,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(type === undefined ? {} : { 'content-type': type }),
        ...headers,
      },
    })
    if (response.status === 500) faults.push(`${init.method ?? 'GET'} ${path} was answered 500`)
    return response
  }
  async function made(path: string, body: object): Promise<unknown> {
    const response = await ask(path, { method: 'POST', type: 'application/json', body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }

  return {
    url: service.url,
    database,
    proxy,
    root,
    faults,
    ask,
    async key(request) {
      const { key, id } = (await made('/keys', { name: 'a key', ...request })) as { key: string; id: string }
      return { key, id }
    },
    async log(name) {
      await made('/logs', { name })
    },
    async ready() {
      await vi.waitFor(async () => {
        const response = await ask('/readyz')
        expect([response.status, await response.text()]).toEqual([200, expect.anything()])
      }, PATIENCE)
    },
    async indexed(log, size) {
      await vi.waitFor(async () => {
        const status = (await (await ask(`/logs/${log}/search`)).json()) as { indexed: number }
        expect(status.indexed).toBeGreaterThanOrEqual(size)
      }, PATIENCE)
    },
    async close() {
      await service.stop()
      await proxy.down()
      await database.drop()
      remove()
    },
  }
}

/** Keeps what the service calls an unforeseen fault, with the stack. */
function unforeseen(faults: unknown[]): Logger {
  return pino(
    { level: 'error' },
    {
      write(line: string) {
        const entry = JSON.parse(line) as { msg: string }
        if (entry.msg === 'unforeseen fault') faults.push(entry)
      },
    },
  )
}

export interface SeenEvent {
  readonly source: string
  readonly index: number
  readonly type: string
  readonly id: string
  readonly event: Readonly<Record<string, unknown>>
  readonly hidden: number
}

/** The events of a log from `start` to its end, with their personal fields. */
export async function readLog(
  ground: HttpGround,
  log: string,
  start: number,
  count: number,
): Promise<SeenEvent[]> {
  const size = start + count
  await vi.waitFor(async () => {
    const { tree_size: seen } = (await (await ground.ask(`/logs/${log}/entries?limit=1`)).json()) as {
      tree_size: number
    }
    expect(seen).toBeGreaterThanOrEqual(size)
  }, PATIENCE)
  const events: SeenEvent[] = []
  // Fewer at once than are let in at once.
  for (let at = start; at < size; at += 16) {
    const indexes = Array.from({ length: Math.min(16, size - at) }, (_, i) => at + i)
    events.push(
      ...(await Promise.all(
        indexes.map(async (index) => {
          const response = await ground.ask(`/logs/${log}/events/${index}?reveal=true`)
          expect(response.status).toBe(200)
          return (await response.json()) as SeenEvent
        }),
      )),
    )
  }
  return events
}

export async function treeSize(ground: HttpGround, log: string): Promise<number> {
  const [row] = await ground.database.owner`
    SELECT count(*)::int AS size FROM log.entries e JOIN log.logs l ON l.log_id = e.log_id WHERE l.name = ${log}`
  return Number(row?.['size'])
}
