import type { Command } from 'commander'
import type { Fields } from '../client/json.ts'
import { toBase64 } from '../core/bytes.ts'
import { formatPolicy, parseVkey } from '../core/index.ts'
import type { Io } from './io.ts'
import { fetchLogInfo, requestJson } from './server.ts'
import { formatTable } from './table.ts'
import { logTarget, type LogOptions, type ServerOptions, serverTarget, withServer } from './target.ts'

type CreateOptions = ServerOptions & { origin?: string; public?: boolean; dedup: boolean; json?: boolean }
type ShowOptions = ServerOptions & { policy?: boolean; json?: boolean }

export function addLog(program: Command, io: Io): void {
  const log = program.command('log').description('create and show logs')
  withServer(log.command('create <name>'))
    .description('create a log; its keys are made by the server')
    .option('--origin <origin>', 'first line of its checkpoints (its address without scheme)')
    .option('--public', 'let everybody read its entries')
    .option('--no-dedup', 'give the same bytes a new index each time')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: CreateOptions) => createLog(name, options, io))
  withServer(log.command('list'))
    .description('list all logs')
    .option('--json', 'print the result as JSON')
    .action((options: ServerOptions & { json?: boolean }) => listLogs(options, io))
  withServer(log.command('show [name]'))
    .description('show origin, keys, size and what can be promised')
    .option('--policy', 'print a policy file that believes this log: log show --policy > log.policy')
    .option('--json', 'print the result as JSON')
    .action((name = 'default', options: ShowOptions) => showLog({ ...options, log: name }, io))
}

async function createLog(name: string, options: CreateOptions, io: Io): Promise<void> {
  const { origin, public: isPublic, dedup, json } = options
  const body = { name, ...(origin === undefined ? {} : { origin }), public: isPublic ?? false, dedup }
  await show(
    await requestJson(await serverTarget(options, io), { method: 'POST', path: 'logs', body }),
    json,
    io,
  )
}

async function listLogs(options: ServerOptions & { json?: boolean }, io: Io): Promise<void> {
  const logs = (await requestJson(await serverTarget(options, io), { path: 'logs' }))
    .objects('logs')
    .map(infoOf)
  if (options.json) return io.out(`${JSON.stringify({ logs })}\n`)
  const rows = logs.map(({ name, tree_size: size, level, origin }) => [
    name,
    String(size ?? '-'),
    level,
    origin,
  ])
  await io.out(formatTable(['name', 'size', 'level', 'origin'], rows))
}

async function showLog(options: LogOptions & ShowOptions, io: Io): Promise<void> {
  const target = await logTarget(options, io)
  const info = await fetchLogInfo(target)
  if (options.policy) return io.out(policyText(info.texts('vkeys'), target.url))
  await show(info, options.json, io)
}

async function show(fields: Fields, json: boolean | undefined, io: Io): Promise<void> {
  const info = infoOf(fields)
  if (json) return io.out(`${JSON.stringify(info)}\n`)
  const lines = [
    ['name', info.name],
    ['origin', info.origin],
    ['created', info.created_at],
    ['size', String(info.tree_size ?? 'no checkpoint yet')],
    ['root', info.sha256_root_hash ?? '-'],
    ['signed', info.signed_at ?? '-'],
    ['level', info.level],
    ['entries', info.public ? 'public' : 'need a key with entries:read'],
    ...info.vkeys.map((vkey) => ['vkey', shortened(vkey)]),
    ...info.problems.map(({ code, message }) => ['problem', `${message} (${code})`]),
  ]
  await io.out(lines.map(([name = '', value = '']) => `${name.padEnd(9)}${value}\n`).join(''))
}

function infoOf(fields: Fields) {
  return {
    name: fields.text('name'),
    origin: fields.text('origin'),
    vkeys: fields.texts('vkeys'),
    created_at: fields.text('created_at'),
    tree_size: fields.has('size') ? fields.size('size') : null,
    sha256_root_hash: fields.has('root') ? toBase64(fields.hash('root')) : null,
    signed_at: fields.has('signed_at') ? fields.text('signed_at') : null,
    level: fields.text('level'),
    problems: fields.objects('problems').map((p) => ({ code: p.text('code'), message: p.text('message') })),
    public: fields.flag('public'),
    dedup: fields.flag('dedup'),
  }
}

/** An ML-DSA-44 key has 1,800 characters, which is no help to a person. */
function shortened(vkey: string): string {
  return vkey.length <= 200 ? vkey : `${vkey.slice(0, 60)}… (ML-DSA-44; whole with --json or --policy)`
}

/** Any of the log's keys may have signed; no cosignature is asked for. */
function policyText(vkeys: readonly string[], url: string): string {
  const logs = vkeys.map((vkey) => ({ key: parseVkey(vkey), url }))
  return formatPolicy({ logs, witnesses: [], groups: [], quorum: 'none' })
}
