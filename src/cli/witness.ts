import { join } from 'node:path'
import type { Command } from 'commander'
import { ClientError } from '../client/index.ts'
import { toBase64 } from '../core/bytes.ts'
import type { VerificationKey } from '../core/keys.ts'
import type { ListedLog } from '../core/log-list.ts'
import { cosignerName } from '../files/cosigner-keys.ts'
import { serveWitness, WITNESS_KEYS } from '../serve-witness.ts'
import { addWitnessLogs, listWitnessLogs } from '../witness-logs.ts'
import { checkCosignerName, collect, collectKey, cosignerConfig, logKey } from './cosigner-options.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './numbers.ts'
import { formatTable } from './table.ts'

interface ServeOptions {
  readonly name?: string
  readonly data: string
  readonly port?: number
  readonly host?: string
  readonly logList: readonly string[]
  readonly addLog: readonly VerificationKey[]
  readonly origin?: string
  readonly rate: number
  readonly mlDsa: boolean
}
type LogsOptions = { readonly data: string; readonly origin?: string; readonly json?: boolean }

const DEFAULT_PORT = '8090'
const DATA: [flags: string, description: string, fallback: string] = [
  '--data <folder>',
  'folder of the keys, of the age of the database, and of the Postgres of our own unless DATABASE_URL is set',
  './witness-data',
]
const AFTER_HELP = `
Its keys are made at the first start, in <data>/witness.keys, and the vkeys are printed. Environment: DATABASE_URL,
PROOFLOG_OWNER_DATABASE_URL, PROOFLOG_HOST, PORT and PROOFLOG_LOG_LEVEL, as for serve.`

export function addWitness(program: Command, io: Io): void {
  const witness = program
    .command('witness')
    .description("cosign the checkpoints of other services' logs, until it is told to stop (SIGINT, SIGTERM)")
    .option('--name <name>', 'name of the witness: a URL without scheme; it never changes')
    .option(...DATA)
    .option(
      '--port <port>',
      `port to listen on (PORT, or ${DEFAULT_PORT}); 0 takes a free one`,
      wholeNumber(0, 65_535),
    )
    .option('--host <address>', 'address to listen on (PROOFLOG_HOST, or 127.0.0.1)')
    .option(
      '--log-list <source>',
      'file or address of a list of logs (logs/v0), read again every 5 minutes; may be repeated',
      collect,
      [],
    )
    .option('--add-log <vkey>', 'a log to witness; may be repeated', collectKey, [])
    .option('--origin <origin>', 'origin of the log of --add-log (the name of its key)')
    .option('--rate <n>', 'requests per second of one log', wholeNumber(1, 1_000_000), 10)
    .option('--no-ml-dsa', 'cosign with Ed25519 only, which takes a hundredth of the time')
    .addHelpText('after', AFTER_HELP)
    .action((options: ServeOptions) => runWitness(options, io))
  // What stands after the name of a command below is parsed by the one above too, and only there: hence optsWithGlobals.
  witness
    .command('add-log <vkey>')
    .description('witness a log too, or believe another key of a log; the service may run')
    .option('--origin <origin>', 'first line of its checkpoints (the name of its key)')
    .option(...DATA)
    .option('--json', 'print the result as JSON')
    .action((vkey: string, _: unknown, command: Command) => addLog(vkey, command.optsWithGlobals(), io))
  witness
    .command('list-logs')
    .description('show the logs that are witnessed, and what was cosigned last; the service may run')
    .option(...DATA)
    .option('--json', 'print the result as JSON')
    .action((_: unknown, command: Command) => listLogs(command.optsWithGlobals(), io))
}

async function runWitness(options: ServeOptions, io: Io): Promise<void> {
  const { name, addLog: keys, origin, logList, rate, mlDsa } = options
  if (name === undefined) throw new UsageError('say the name of the witness: --name witness.example.com')
  checkCosignerName(name)
  if (origin !== undefined && keys.length !== 1)
    throw new UsageError('--origin is of the one log of --add-log')
  const config = cosignerConfig(options, io, DEFAULT_PORT)
  const stopped = io.untilStopped()
  const logs = keys.map((key) => ({ key, origin: origin ?? key.name }))
  const service = await serveWitness(config, { name, logLists: logList, logs, rate, mlDsa })
  await io.out(`${service.url}\n`)
  const lines = service.vkeys.map((vkey, i) => `witness ${i === 0 ? 'w' : `w-${i}`} ${vkey} ${service.url}\n`)
  io.err(
    `\nThe witness ${name} listens. In the policy of a log (with the address by which the log reaches it):\n\n${lines.join('')}\n`,
  )
  const lost = await Promise.race([stopped.then(() => false), service.ended.then(() => true)])
  io.err('stopping\n')
  await service.stop()
  if (lost)
    throw new ClientError('unavailable', 'the database in the data folder ended: start the witness anew')
}

async function addLog(vkey: string, options: LogsOptions, io: Io): Promise<void> {
  const config = cosignerConfig(options, io, DEFAULT_PORT)
  const own = await cosignerName(join(config.dataDir, WITNESS_KEYS))
  if (own === undefined)
    throw new UsageError(`there is no witness in ${config.dataDir}: start it once, or say --data`)
  const key = logKey(vkey)
  const log: ListedLog = { key, origin: options.origin ?? key.name }
  const { added } = await addWitnessLogs(config, [log], own, (message) => io.err(`${message}\n`))
  if (options.json) return io.out(`${JSON.stringify({ origin: log.origin, added: added.length > 0 })}\n`)
  await io.out(
    `${log.origin} ${added.length > 0 ? 'is witnessed' : 'was witnessed already, with this key'}\n`,
  )
}

async function listLogs(options: LogsOptions, io: Io): Promise<void> {
  const logs = await listWitnessLogs(cosignerConfig(options, io, DEFAULT_PORT), (message) =>
    io.err(`${message}\n`),
  )
  if (options.json) {
    const lines = logs.map((log) => ({
      origin: log.origin,
      vkeys: log.vkeys,
      source: log.source,
      added_at: iso(log.addedAt),
      tree_size: log.size,
      sha256_root_hash: log.root && toBase64(log.root),
      cosigned_at: log.cosignedAt === null ? null : iso(log.cosignedAt),
    }))
    return io.out(`${JSON.stringify({ logs: lines })}\n`)
  }
  const rows = logs.map(({ origin, size, cosignedAt, source }) => [
    origin,
    String(size ?? '-'),
    cosignedAt === null ? 'never' : iso(cosignedAt),
    source,
  ])
  await io.out(formatTable(['origin', 'size', 'cosigned', 'from'], rows))
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
