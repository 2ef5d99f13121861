// The service as it runs for anybody, on a database and a data folder of its own, and what the checks need of it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { encodeBundle } from '../../src/core/bundle.ts'
import { serve } from '../../src/serve.ts'
import { testDatabase } from '../support/database.ts'

export interface TestService {
  /** Stays the same when it restarts on a port that was given. */
  readonly url: string
  /** May do everything. */
  readonly key: string
  /** Its data folder. */
  readonly folder: string
  createLog(name: string): Promise<LogToCheck>
  /** Appends as bundles, and waits for a checkpoint that covers all. */
  append(log: LogToCheck, entries: readonly Uint8Array[]): Promise<void>
  /** Stops it and starts it anew on its database and folder. */
  restart(): Promise<void>
  /** Stops it and removes what it had. */
  stop(): Promise<void>
}

export interface LogToCheck {
  readonly url: string
  readonly origin: string
  /** Ed25519 first, then ML-DSA-44. */
  readonly vkeys: readonly [string, string]
}

const BATCH = 8_192

/** @param port any free one unless given */
export async function startService(port = 0): Promise<TestService> {
  const database = await testDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-interop-'))
  const config = readConfig({
    PORT: String(port),
    DATABASE_URL: database.ownerUrl,
    PROOFLOG_DATA: folder,
    PROOFLOG_URL: 'http://interop.example',
    PROOFLOG_PUBLISH_MS: '200',
    PROOFLOG_LOG_LEVEL: 'error',
  })
  let service = await serve(config)
  const { url, first } = service
  const key = first?.adminKey ?? ''
  return {
    url,
    key,
    folder,
    async createLog(name) {
      const log = await send(`${url}/logs`, key, 'application/json', JSON.stringify({ name, public: true }))
      const { origin, vkeys } = log as { origin: string; vkeys: [string, string] }
      return { url: `${url}/logs/${name}`, origin, vkeys }
    },
    async append(log, entries) {
      for (let start = 0; start < entries.length; start += BATCH) {
        const bundle = encodeBundle(entries.slice(start, start + BATCH))
        const wait = start + BATCH < entries.length ? '' : '?wait=published&timeout=60'
        await send(`${log.url}/entries${wait}`, key, 'application/vnd.prooflog.bundle', bundle)
      }
    },
    async restart() {
      await service.stop()
      service = await serve(config)
    },
    async stop() {
      await service.stop()
      await database.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function send(url: string, key: string, type: string, body: Uint8Array | string): Promise<unknown> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': type }
  const answer = await fetch(url, { method: 'POST', headers, body: Buffer.from(body) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`)
  return JSON.parse(text)
}
