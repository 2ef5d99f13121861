// Whom a command believes: a policy or vkeys that were given, or else what the server itself says of its keys.
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import {
  ClientError,
  type Policy,
  policyFromVkeys,
  parsePolicy,
  ProoflogError,
  type TransportOptions,
} from '../client/index.ts'
import type { Fields } from '../client/json.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { fetchLogInfo } from './server.ts'

export type TrustOptions = {
  readonly policy?: string
  readonly vkey?: readonly string[]
  readonly vkeyFile?: string
}

export function withTrust(command: Command): Command {
  return command
    .option('--policy <file>', 'policy file (c2sp.org/tlog-policy): the logs and witnesses to believe')
    .option('--vkey <vkey...>', 'key of the log; one of them must have signed')
    .option('--vkey-file <file>', 'file with such keys, one a line')
}

/** The policy that was given; undefined when none was. @throws UsageError */
export async function givenPolicy(options: TrustOptions): Promise<Policy | undefined> {
  const { policy, vkey, vkeyFile } = options
  if ([policy, vkey, vkeyFile].filter((given) => given !== undefined).length > 1) {
    throw new UsageError('give one of --policy, --vkey and --vkey-file')
  }
  if (policy !== undefined) return parsed(policy, parsePolicy, await readFile(policy))
  if (vkeyFile !== undefined)
    return parsed(vkeyFile, policyFromVkeys, linesOf(await readFile(vkeyFile, 'utf8')))
  return vkey === undefined ? undefined : parsed('--vkey', policyFromVkeys, vkey)
}

/** The policy that was given, or the one that the server of the log announces; `announced` tells which. @throws UsageError; ClientError */
export async function policyFor(
  target: TransportOptions,
  options: TrustOptions,
): Promise<{ policy: Policy; announced: boolean }> {
  const given = await givenPolicy(options)
  if (given) return { policy: given, announced: false }
  return { policy: announcedPolicy(await fetchLogInfo(target)), announced: true }
}

/** With the witnesses that the log names, if it does: an earlier version names none. @throws ClientError `bad_answer` */
export function announcedPolicy(info: Fields): Policy {
  if (!info.has('policy')) return policyFromVkeys(info.texts('vkeys'))
  try {
    return parsePolicy(info.text('policy'))
  } catch (cause) {
    if (!(cause instanceof ProoflogError)) throw cause
    throw new ClientError(
      'bad_answer',
      `The server announces a policy that is none: ${cause.message}`,
      {},
      { cause },
    )
  }
}

/** Lines that hold something; # begins a comment line. */
function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'))
}

function parsed<T>(where: string, parse: (source: T) => Policy, source: T): Policy {
  try {
    return parse(source)
  } catch (cause) {
    if (!(cause instanceof ProoflogError)) throw cause
    throw new UsageError(`${where}: ${cause.message}`, { cause })
  }
}

/** Says that the keys were believed only because the server named them: a server that lies names its own. */
export function warnAnnounced({ logs }: Policy, io: Io): void {
  // The Ed25519 keys suffice to verify, and fit a command line.
  const keys = logs.filter(({ key }) => key.type === 0x01).map(({ key }) => `  --vkey '${key.vkey}'\n`)
  io.err(
    'warning: no --policy or --vkey was given, so the keys that the server announces are believed. Compare them with what\n' +
      `the operator published elsewhere, and give them next time:\n${keys.join('')}`,
  )
}
