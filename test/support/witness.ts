// A witness of our own as it runs for anybody, in this process, on a database and a data folder of its own.
import { rmSync } from 'node:fs'
import { readConfig } from '../../src/config.ts'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import type { ListedLog } from '../../src/core/log-list.ts'
import { serveWitness, type WitnessService, type WitnessSettings } from '../../src/serve-witness.ts'
import { type TestDatabase, testDatabase } from './database.ts'
import { testFolder } from './engine.ts'

export interface TestWitness {
  readonly url: string
  readonly name: string
  /** Ed25519, then ML-DSA-44 unless it was left out. */
  readonly vkeys: readonly string[]
  readonly database: TestDatabase
  readonly folder: string
  /** Posts a body to `add-checkpoint`, or to another path. */
  post(body: Uint8Array | string, path?: string): Promise<Answer>
  get(path: string): Promise<Answer>
  /** Stops it and starts it anew. */
  restart(more?: Partial<WitnessSettings>): Promise<void>
  /** Stops it; database and folder stay. */
  stop(): Promise<void>
  /** Stops it and removes what it had. */
  remove(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

/**
 * @param logs known from the start
 * @param more settings; by default nobody is told to come later
 * @param shared the database of another witness, which stays
 */
export async function testWitness(
  logs: readonly ListedLog[],
  more: Partial<WitnessSettings> = {},
  shared?: { readonly database: TestDatabase },
): Promise<TestWitness> {
  const database = shared?.database ?? (await testDatabase())
  const home = testFolder()
  const settings: WitnessSettings = {
    name: 'witness.example/w1',
    logLists: [],
    logs,
    rate: 1_000_000,
    mlDsa: true,
    ...more,
  }
  const config = readConfig({
    PORT: '0',
    DATABASE_URL: database.ownerUrl,
    PROOFLOG_DATA: home.folder,
    PROOFLOG_LOG_LEVEL: 'silent',
  })
  let service: WitnessService = await serveWitness(config, settings)
  const stop = (): Promise<void> => service.stop()
  return {
    get url() {
      return service.url
    },
    name: settings.name,
    get vkeys() {
      return service.vkeys
    },
    database,
    folder: home.folder,
    post: (body, path = '/add-checkpoint') =>
      answerOf(
        fetch(service.url + path, {
          method: 'POST',
          body: Buffer.from(typeof body === 'string' ? encodeUtf8(body) : body),
        }),
      ),
    get: (path) => answerOf(fetch(service.url + path)),
    async restart(other = {}) {
      await stop()
      service = await serveWitness(config, { ...settings, ...other })
    },
    stop,
    async remove() {
      await stop()
      if (!shared) await database.drop()
      rmSync(home.folder, { recursive: true, force: true })
    },
  }
}

async function answerOf(request: Promise<Response>): Promise<Answer> {
  const response = await request
  return { status: response.status, text: await response.text(), headers: response.headers }
}
