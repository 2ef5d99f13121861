// Which server, which log, with which key: the options that most commands share.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command } from 'commander'
import type { TransportOptions } from '../client/index.ts'
import { DEFAULT_LOG, LOG_NAME } from '../core/log-name.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'

export type ServerOptions = { readonly url?: string; readonly key?: string; readonly keyFile?: string }
export type LogOptions = ServerOptions & { readonly log: string }

const DEFAULT_URL = 'http://127.0.0.1:8080'
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])
/** A command is for people: what does not work in a second or so is said. */
const RETRIES = 2

export function withServer(command: Command): Command {
  return command
    .option('--url <url>', `address of the server (PROOFLOG_SERVER, or ${DEFAULT_URL})`)
    .option(
      '--key <key>',
      'API key (PROOFLOG_KEY); other users of this machine can see it: prefer --key-file',
    )
    .option('--key-file <file>', 'file that holds the API key')
}

export function withLog(command: Command): Command {
  return withServer(command).option('--log <name>', 'name of the log', DEFAULT_LOG)
}

/** @throws UsageError */
export async function serverTarget(options: ServerOptions, io: Io): Promise<TransportOptions> {
  const url = options.url ?? (io.env['PROOFLOG_SERVER'] || DEFAULT_URL)
  return targetOf(url, await keyFor(url, options, io), io)
}

/** The log below the server: its prefix as in c2sp.org/tlog-tiles. @throws UsageError */
export async function logTarget(options: LogOptions, io: Io): Promise<TransportOptions> {
  if (!LOG_NAME.test(options.log)) {
    throw new UsageError(`${JSON.stringify(options.log)} is not the name of a log: use a-z, 0-9 and -`)
  }
  const server = await serverTarget(options, io)
  return { ...server, url: `${server.url.replace(/\/+$/, '')}/logs/${options.log}` }
}

/**
 * A log by its own address, perhaps somebody else's: keys of the environment are for PROOFLOG_SERVER and are not sent there.
 * @throws UsageError
 */
export async function foreignTarget(url: string, options: ServerOptions, io: Io): Promise<TransportOptions> {
  const home = io.env['PROOFLOG_SERVER'] || DEFAULT_URL
  const atHome = URL.canParse(url) && URL.canParse(home) && new URL(url).origin === new URL(home).origin
  const key = atHome ? await keyFor(url, options, io) : await keyGiven(options)
  return targetOf(url, key, io)
}

function targetOf(url: string, key: string | undefined, io: Io): TransportOptions {
  return { url, key, retries: RETRIES, fetch: io.fetch }
}

async function keyFor(url: string, options: ServerOptions, io: Io): Promise<string | undefined> {
  return (await keyGiven(options)) ?? (io.env['PROOFLOG_KEY'] || (await adminKey(url, io)))
}

async function keyGiven({ key, keyFile }: ServerOptions): Promise<string | undefined> {
  if (key !== undefined && keyFile !== undefined) throw new UsageError('give --key or --key-file, not both')
  if (keyFile !== undefined) return (await readFile(keyFile, 'utf8')).trim()
  return key
}

/** The key that the first start of a server leaves in its folder; sent to this machine only. */
async function adminKey(url: string, io: Io): Promise<string | undefined> {
  if (!URL.canParse(url) || !LOOPBACK.has(new URL(url).hostname)) return undefined
  try {
    return (await readFile(join(io.env['PROOFLOG_DATA'] || 'data', 'admin.key'), 'utf8')).trim()
  } catch {
    return undefined // no server of this folder, or not ours to read: the server will say what it misses
  }
}
