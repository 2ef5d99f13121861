import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { ClientError } from '../client/index.ts'
import type { VerificationKey } from '../core/keys.ts'
import { cosignerName } from '../files/cosigner-keys.ts'
import { MIRROR_KEYS, serveMirror } from '../serve-mirror.ts'
import { addWitnessLogs } from '../witness-logs.ts'
import { checkCosignerName, collect, collectKey, cosignerConfig, logKey } from './cosigner-options.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { addMirrorPush } from './mirror-push.ts'
import { wholeNumber } from './numbers.ts'

interface ServeOptions {
  readonly name?: string
  readonly data: string
  readonly port?: number
  readonly host?: string
  readonly logList: readonly string[]
  readonly addLog: readonly VerificationKey[]
  readonly origin?: string
  readonly rate: number
  readonly private?: string
}

const DEFAULT_PORT = '8091'
const LEAST_TOKEN = 16
const DATA: [flags: string, description: string, fallback: string] = [
  '--data <folder>',
  'folder of the keys, of the guard, and of the Postgres of our own unless DATABASE_URL is set',
  './mirror-data',
]
const AFTER_HELP = `
Its keys are made at the first start, in <data>/mirror.keys, and the vkeys are printed. Each copy is served at
<address>/<SHA-256 of the origin, in hex>/, as c2sp.org/tlog-tiles. Environment: DATABASE_URL, PROOFLOG_OWNER_DATABASE_URL,
PROOFLOG_GUARD (with AWS_… for buckets), PROOFLOG_SELF_CHECK_RATE, PROOFLOG_HOST, PORT and PROOFLOG_LOG_LEVEL, as for serve.`

export function addMirror(program: Command, io: Io): void {
  const mirror = program
    .command('mirror')
    .description(
      "hold verified, signed copies of other services' logs, until it is told to stop (SIGINT, SIGTERM)",
    )
    .option('--name <name>', 'name of the mirror: a URL without scheme; it never changes')
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
    .option('--add-log <vkey>', 'a log to copy; may be repeated', collectKey, [])
    .option('--origin <origin>', 'origin of the log of --add-log (the name of its key)')
    .option('--rate <n>', 'checkpoints per second of one log', wholeNumber(1, 1_000_000), 10)
    .option(
      '--private <file>',
      'serve entries only to those who send the text in this file as a bearer token; hashes and checkpoints stay public',
    )
    .addHelpText('after', AFTER_HELP)
    .action((options: ServeOptions) => runMirror(options, io))
  addMirrorPush(mirror, io)
  // What stands after the name of a command below is parsed by the one above too, and only there: hence optsWithGlobals.
  mirror
    .command('add-log <vkey>')
    .description('copy a log too, or believe another key of a log; the service may run')
    .option('--origin <origin>', 'first line of its checkpoints (the name of its key)')
    .option(...DATA)
    .option('--json', 'print the result as JSON')
    .action((vkey: string, _: unknown, command: Command) => addLog(vkey, command.optsWithGlobals(), io))
}

async function runMirror(options: ServeOptions, io: Io): Promise<void> {
  const { name, addLog: keys, origin, logList, rate } = options
  if (name === undefined) throw new UsageError('say the name of the mirror: --name mirror.example.com')
  checkCosignerName(name)
  if (origin !== undefined && keys.length !== 1)
    throw new UsageError('--origin is of the one log of --add-log')
  const config = cosignerConfig(options, io, DEFAULT_PORT)
  const readToken = options.private === undefined ? undefined : await tokenIn(options.private)
  const stopped = io.untilStopped()
  const logs = keys.map((key) => ({ key, origin: origin ?? key.name }))
  const service = await serveMirror(config, { name, logLists: logList, logs, rate, readToken })
  await io.out(`${service.url}\n`)
  const lines = service.vkeys.map((vkey) => `mirror ${vkey} ${service.url}\n`)
  io.err(
    `\nThe mirror ${name} listens. For the service whose logs it copies, in <data>/policies/<log>.mirrors (with the address by which it is reached):\n\n${lines.join('')}\n`,
  )
  const lost = await Promise.race([stopped.then(() => false), service.ended.then(() => true)])
  io.err('stopping\n')
  await service.stop()
  if (lost)
    throw new ClientError('unavailable', 'the database in the data folder ended: start the mirror anew')
}

async function tokenIn(file: string): Promise<string> {
  const token = (await readFile(file, 'utf8')).trim()
  if (token.length >= LEAST_TOKEN && /^[!-~]+$/.test(token)) return token
  throw new UsageError(`${file} does not hold one word of at least ${LEAST_TOKEN} printable ASCII characters`)
}

type AddLogOptions = { readonly data: string; readonly origin?: string; readonly json?: boolean }

async function addLog(vkey: string, options: AddLogOptions, io: Io): Promise<void> {
  const config = cosignerConfig(options, io, DEFAULT_PORT)
  const own = await cosignerName(join(config.dataDir, MIRROR_KEYS))
  if (own === undefined)
    throw new UsageError(`there is no mirror in ${config.dataDir}: start it once, or say --data`)
  const key = logKey(vkey)
  const log = { key, origin: options.origin ?? key.name }
  const { added } = await addWitnessLogs(config, [log], own, (message) => io.err(`${message}\n`))
  if (options.json) return io.out(`${JSON.stringify({ origin: log.origin, added: added.length > 0 })}\n`)
  await io.out(`${log.origin} ${added.length > 0 ? 'may be copied' : 'was there already, with this key'}\n`)
}
