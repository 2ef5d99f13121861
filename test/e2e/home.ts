// An operator's machine: a data folder and a database, which can be lost apart from each other.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { createClient, memoryHeadStore } from '../../src/client/index.ts'
import { readConfig } from '../../src/config.ts'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import { vkeyOf } from '../../src/core/keys.ts'
import { serve, type Service } from '../../src/serve.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { testFolder } from '../support/engine.ts'
import { type CliResult, runCli } from '../support/run-cli.ts'

export const LOG = 'default'
export const ORIGIN = 'log.example/logs/default'

export interface Home {
  /** Keys, guard and admin key. */
  readonly folder: string
  database: TestDatabase
  /** Of the log `default`, once the service ran. */
  vkeys(): string[]
  start(): Promise<Service>
  /** The command line on this machine. */
  run(...args: readonly string[]): Promise<CliResult>
  /** Another, empty database takes the place of the one that is lost. */
  loseDatabase(): Promise<void>
  remove(): Promise<void>
}

export async function newHome(env: Readonly<Record<string, string>> = {}): Promise<Home> {
  const data = testFolder()
  const databases: TestDatabase[] = [await testDatabase('empty')]
  const running = new Set<Service>()
  const home: Home = {
    folder: data.folder,
    database: databases[0]!,
    vkeys: () => readVkeys(data.folder),
    async start() {
      const service = await serve(readConfig(settings()), pino({ level: 'silent' }))
      running.add(service)
      return {
        ...service,
        async stop() {
          running.delete(service)
          await service.stop()
        },
      }
    },
    run: (...args) => runCli(args, { env: settings() }),
    async loseDatabase() {
      home.database = await testDatabase('empty')
      databases.push(home.database)
    },
    async remove() {
      for (const service of running) await service.stop()
      for (const database of databases) await database.drop()
      data.remove()
    },
  }
  function settings(): Record<string, string> {
    return {
      DATABASE_URL: home.database.ownerUrl,
      PROOFLOG_DATA: data.folder,
      PROOFLOG_PUBLISH_MS: '50',
      PROOFLOG_URL: 'http://log.example',
      PROOFLOG_LOG_LEVEL: 'silent',
      PROOFLOG_SEARCH: 'off', // tests of searches turn it on
      PORT: '0',
      ...env,
    }
  }
  return home
}

/** Appends `count` entries that begin with `prefix`, and waits until they are published. */
export async function append(home: Home, service: Service, count: number, prefix = 'entry'): Promise<number> {
  const client = clientOf(home, service)
  const entries = Array.from({ length: count }, (_, i) => encodeUtf8(`${prefix} ${i}`))
  let last = 0
  for await (const { indexes } of client.appendMany(entries)) last = Math.max(last, ...indexes)
  return (await client.wait(last)).checkpoint.size
}

export function clientOf(home: Home, service: Service): ReturnType<typeof createClient> {
  const key = readFileSync(join(home.folder, 'admin.key'), 'utf8').trim()
  return createClient({ url: logUrl(service), key, vkeys: home.vkeys(), heads: memoryHeadStore() })
}

export function logUrl(service: Service): string {
  return `${service.url}/logs/${LOG}`
}

function readVkeys(folder: string): string[] {
  const lines = readFileSync(join(folder, 'keys', `${LOG}.keys`), 'utf8')
    .trim()
    .split('\n')
  return lines.map((line) => vkeyOf(line))
}
