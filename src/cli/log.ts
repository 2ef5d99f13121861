import type { Command } from 'commander'
import { formatPolicy } from '../core/index.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { keyIdOf, logInfoOf, showLogInfo } from './log-info.ts'
import { addLogLifecycle } from './log-lifecycle.ts'
import { fetchLogInfo, requestJson } from './server.ts'
import { formatTable } from './table.ts'
import { logTarget, type LogOptions, type ServerOptions, serverTarget, withServer } from './target.ts'
import { announcedPolicy } from './trust.ts'

type CreateOptions = ServerOptions & {
  origin?: string
  public?: boolean
  dedup: boolean
  successorOf?: string
  json?: boolean
}
type ShowOptions = ServerOptions & { policy?: boolean; signing?: boolean; json?: boolean }

export function addLog(program: Command, io: Io): void {
  const log = program.command('log').description('create, show, change and end logs')
  withServer(log.command('create <name>'))
    .description('create a log; its keys are made by the server')
    .option('--origin <origin>', 'first line of its checkpoints (its address without scheme)')
    .option('--public', 'let everybody read its entries')
    .option('--no-dedup', 'give the same bytes a new index each time')
    .option('--successor-of <log>', 'a log that this one continues; it says so from then on')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: CreateOptions) => createLog(name, options, io))
  withServer(log.command('list'))
    .description('list all logs')
    .option('--json', 'print the result as JSON')
    .action((options: ServerOptions & { json?: boolean }) => listLogs(options, io))
  withServer(log.command('show [name]'))
    .description('show origin, keys, size and what can be promised')
    .option(
      '--policy',
      'print a policy file that believes this log and its witnesses: log show --policy > log.policy',
    )
    .option(
      '--signing',
      'with --policy: believe only the keys that sign now, none of those that were retired',
    )
    .option('--json', 'print the result as JSON')
    .action((name = 'default', options: ShowOptions) => showLog({ ...options, log: name }, io))
  addLogLifecycle(log, io)
}

async function createLog(name: string, options: CreateOptions, io: Io): Promise<void> {
  const { origin, public: isPublic, dedup, successorOf, json } = options
  const body = {
    name,
    ...(origin === undefined ? {} : { origin }),
    public: isPublic ?? false,
    dedup,
    ...(successorOf === undefined ? {} : { successor_of: successorOf }),
  }
  await showLogInfo(
    await requestJson(await serverTarget(options, io), { method: 'POST', path: 'logs', body }),
    json,
    io,
  )
}

async function listLogs(options: ServerOptions & { json?: boolean }, io: Io): Promise<void> {
  const logs = (await requestJson(await serverTarget(options, io), { path: 'logs' }))
    .objects('logs')
    .map(logInfoOf)
  if (options.json) return io.out(`${JSON.stringify({ logs })}\n`)
  const rows = logs.map(({ name, tree_size: size, state, level, origin }) => [
    name,
    String(size ?? '-'),
    state,
    level,
    origin,
  ])
  await io.out(formatTable(['name', 'size', 'state', 'level', 'origin'], rows))
}

async function showLog(options: LogOptions & ShowOptions, io: Io): Promise<void> {
  const target = await logTarget(options, io)
  const info = await fetchLogInfo(target)
  if (options.policy) {
    const { signing } = logInfoOf(info)
    const { logs, ...rest } = announcedPolicy(info)
    const believed = logs.filter(({ key }) => !options.signing || signing.includes(keyIdOf(key.vkey)))
    return io.out(formatPolicy({ ...rest, logs: believed.map(({ key }) => ({ key, url: target.url })) }))
  }
  if (options.signing) throw new UsageError('--signing goes with --policy')
  await showLogInfo(info, options.json, io)
}
