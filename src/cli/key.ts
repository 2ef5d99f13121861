import { type Command, Option } from 'commander'
import type { Fields } from '../client/json.ts'
import { readConfig } from '../config.ts'
import { createLocalKey, type Role, ROLE_NAMES, type Scope, SCOPES } from '../local-key.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { requestJson } from './server.ts'
import { formatTable } from './table.ts'
import { type ServerOptions, serverTarget, withServer } from './target.ts'

type Options = ServerOptions & { json?: boolean }
type CreateOptions = Options & {
  scope?: Scope[]
  role?: Role
  source?: string
  log?: string[]
  expires?: string
  local?: boolean
}

const DAY = 86_400_000

export function addKey(program: Command, io: Io): void {
  const key = program.command('key').description('create, list and revoke API keys')
  withServer(key.command('create <name>'))
    .description('create a key and print it: it is shown this once')
    .addOption(
      new Option('--role <role>', 'what it may do, by the name of a job: this or --scope').choices(
        ROLE_NAMES,
      ),
    )
    .addOption(new Option('--scope <scope...>', 'what it may do').choices(SCOPES).conflicts('role'))
    .option('--log <name...>', 'logs it is bound to (all)')
    .option('--source <name>', 'what its events are filed under (its name)')
    .option(
      '--expires <when>',
      'a number of days, such as 90d, or a time, such as 2030-01-01T00:00:00Z (never)',
    )
    .addOption(
      new Option(
        '--local',
        'straight into the database (DATABASE_URL, or the one in PROOFLOG_DATA): needs no key, for when the admin key was lost',
      ).conflicts(['url', 'key', 'keyFile']),
    )
    .option('--json', 'print the result as JSON')
    .action((name: string, options: CreateOptions) => createKey(name, options, io))
  withServer(key.command('list'))
    .description('list all keys, without their secrets')
    .option('--json', 'print the result as JSON')
    .action((options: Options) => listKeys(options, io))
  withServer(key.command('revoke <id>'))
    .description('revoke a key, at once and for ever')
    .option('--json', 'print the result as JSON')
    .action((id: string, options: Options) => revokeKey(id, options, io))
}

async function createKey(name: string, options: CreateOptions, io: Io): Promise<void> {
  const { scope: scopes, role, log: logs, source, json, local } = options
  if (scopes === undefined && role === undefined)
    throw new UsageError('say what the key may do: --role, such as producer, or --scope')
  const expires = options.expires === undefined ? undefined : expiryOf(options.expires)
  const body = {
    name,
    ...(role === undefined ? {} : { role }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(source === undefined ? {} : { source }),
    ...(logs ? { logs } : {}),
    ...(expires === undefined ? {} : { expires_at: expires }),
  }
  const { key, ...info } = local
    ? await createLocalKey(readConfig(io.env), body, (message) => io.err(`${message}\n`))
    : createdBy(await requestJson(await serverTarget(options, io), { method: 'POST', path: 'keys', body }))
  if (json) return io.out(`${JSON.stringify({ ...info, key })}\n`)
  io.err(`key ${info.id} was created; it is shown this once:\n`)
  await io.out(`${key}\n`)
}

function createdBy(fields: Fields) {
  return { ...infoOf(fields), key: fields.text('key') }
}

async function listKeys(options: Options, io: Io): Promise<void> {
  const keys = (await requestJson(await serverTarget(options, io), { path: 'keys' }))
    .objects('keys')
    .map(infoOf)
  if (options.json) return io.out(`${JSON.stringify({ keys })}\n`)
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.scopes.join(','),
    key.logs?.join(',') ?? 'all',
    key.source,
    key.expires_at ?? 'never',
    key.revoked_at ?? '-',
  ])
  await io.out(formatTable(['id', 'name', 'scopes', 'logs', 'source', 'expires', 'revoked'], rows))
}

async function revokeKey(id: string, options: Options, io: Io): Promise<void> {
  const path = `keys/${encodeURIComponent(id)}`
  const key = infoOf(await requestJson(await serverTarget(options, io), { method: 'DELETE', path }))
  await io.out(options.json ? `${JSON.stringify(key)}\n` : `key ${key.id} (${key.name}) is revoked\n`)
}

function infoOf(fields: Fields) {
  return {
    id: fields.text('id'),
    name: fields.text('name'),
    scopes: fields.texts('scopes'),
    logs: fields.has('logs') ? fields.texts('logs') : null,
    source: fields.text('source'),
    created_by: fields.has('created_by') ? fields.text('created_by') : null,
    rate_append: fields.has('rate_append') ? fields.size('rate_append') : null,
    rate_read: fields.has('rate_read') ? fields.size('rate_read') : null,
    created_at: fields.text('created_at'),
    expires_at: fields.has('expires_at') ? fields.text('expires_at') : null,
    revoked_at: fields.has('revoked_at') ? fields.text('revoked_at') : null,
  }
}

/** @throws UsageError */
function expiryOf(text: string): string {
  const days = /^([1-9][0-9]{0,4})d$/.exec(text)?.[1]
  if (days !== undefined) return new Date(Date.now() + Number(days) * DAY).toISOString()
  const time = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(time)) return new Date(time).toISOString()
  throw new UsageError(`${JSON.stringify(text)} is no time: write days, such as 90d, or 2030-01-01T00:00:00Z`)
}
