// What an administrator does to a log during its life: other keys, and its end.
import type { Command } from 'commander'
import type { Fields } from '../client/json.ts'
import type { Io } from './io.ts'
import { keyIdOf, logInfoOf, showLogInfo } from './log-info.ts'
import { requestJson } from './server.ts'
import { logTarget, type ServerOptions, withServer } from './target.ts'

type Options = ServerOptions & { json?: boolean }

const STATES = [
  ['drain', 'draining', 'take no more entries; what waits is stored and published'],
  ['freeze', 'frozen', 'end a log that is draining: its final checkpoint stays and is not signed anew'],
  ['reopen', 'open', 'let a log that is draining or frozen take entries again'],
] as const

export function addLogLifecycle(log: Command, io: Io): void {
  change(log.command('rotate <name>'))
    .description('add new keys, which sign together with the old ones from the next checkpoint on')
    .action((name: string, options: Options) => rotate(name, options, io))
  change(log.command('retire-key <name> <key-id...>'))
    .description(
      'let keys sign no more, once newer ones do: their ids are the eight hex digits in their vkeys',
    )
    .action((name: string, ids: string[], options: Options) => retire(name, ids, options, io))
  for (const [verb, state, description] of STATES) {
    change(log.command(`${verb} <name>`))
      .description(description)
      .action(async (name: string, options: Options) => {
        await showLogInfo(await ask(name, options, io, 'POST', 'state', { state }), options.json, io)
      })
  }
}

function change(command: Command): Command {
  return withServer(command).option('--json', 'print the log as JSON')
}

async function rotate(name: string, options: Options, io: Io): Promise<void> {
  const answer = await ask(name, options, io, 'POST', 'keys')
  const { vkeys, signing } = logInfoOf(answer)
  const generation = signing.map((id) => vkeys.find((vkey) => keyIdOf(vkey) === id) ?? id)
  io.err(
    'old and new keys sign from the next checkpoint on. Publish the new vkeys where verifiers, witnesses and mirrors find them,\n' +
      `keep a copy of the key file, and when they are known everywhere: prooflog log retire-key ${name} <key-id...>\n`,
  )
  if (options.json) return showLogInfo(answer, true, io)
  await io.out(generation.map((vkey) => `${vkey}\n`).join(''))
}

async function retire(name: string, ids: readonly string[], options: Options, io: Io): Promise<void> {
  let answer: Fields | undefined
  for (const id of ids) answer = await ask(name, options, io, 'DELETE', `keys/${encodeURIComponent(id)}`)
  if (answer !== undefined) await showLogInfo(answer, options.json, io)
}

async function ask(
  name: string,
  options: Options,
  io: Io,
  method: 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<Fields> {
  const target = await logTarget({ ...options, log: name }, io)
  return requestJson(target, { method, path, ...(body === undefined ? {} : { body }) })
}
