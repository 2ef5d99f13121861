import type { Command } from 'commander'
import type { TransportOptions } from '../client/index.ts'
import { ClientError } from '../client/index.ts'
import type { Fields } from '../client/json.ts'
import { ProoflogError } from '../core/errors.ts'
import type { Io } from './io.ts'
import { requestJson } from './server.ts'
import { type ServerOptions, serverTarget, withServer } from './target.ts'

type Options = ServerOptions & { json?: boolean }

/** Something is wrong with a log: the exit code is 1. */
class StatusFailed extends ProoflogError {
  readonly code = 'not_well'
}

interface LogState {
  readonly name: string
  readonly tree_size: number | null
  readonly level: string
  readonly problems: readonly { code: string; message: string }[]
  /** Null without a key that may see it. */
  readonly self_check: SelfCheckState | null
}

interface SelfCheckState {
  readonly working: boolean
  readonly findings: readonly string[]
  readonly newest_checked_at: string | null
  readonly last_pass_at: string | null
  /** Entries that the pass under way has checked; null between two. */
  readonly pass_next: number | null
}

export function addStatus(program: Command, io: Io): void {
  withServer(program.command('status'))
    .description(
      'how every log of a server does: what can be promised, what is wrong, how far the self-check is (that with a key that has ' +
        'logs:admin); exit code 1 if anything is wrong. To check the database now, see prooflog check',
    )
    .option('--json', 'print the result as JSON')
    .action((options: Options) => status(options, io))
}

async function status(options: Options, io: Io): Promise<void> {
  const target = await serverTarget(options, io)
  const logs: LogState[] = []
  for (const fields of (await requestJson(target, { path: 'logs' })).objects('logs')) {
    const name = fields.text('name')
    logs.push({
      name,
      tree_size: fields.has('size') ? fields.size('size') : null,
      level: fields.text('level'),
      problems: fields.objects('problems').map((p) => ({ code: p.text('code'), message: p.text('message') })),
      self_check: await selfCheckOf(name, target),
    })
  }
  await io.out(options.json ? `${JSON.stringify({ logs })}\n` : logs.map(describe).join(''))
  const unwell = logs.filter(({ problems }) => problems.length > 0).map(({ name }) => name)
  if (unwell.length > 0) throw new StatusFailed(`something is wrong with ${unwell.join(', ')}`)
}

async function selfCheckOf(name: string, target: TransportOptions): Promise<SelfCheckState | null> {
  try {
    return stateOf(await requestJson(target, { path: `logs/${name}/self-check` }))
  } catch (error) {
    const forbidden = error instanceof ClientError && [401, 403].includes(Number(error.evidence['status']))
    if (forbidden) return null
    throw error
  }
}

function stateOf(fields: Fields): SelfCheckState {
  const at = (group: string, name: string): string | null =>
    fields.has(group) ? fields.object(group).text(name) : null
  return {
    working: fields.flag('working'),
    findings: fields.objects('findings').map((finding) => finding.text('message')),
    newest_checked_at: at('newest', 'checked_at'),
    last_pass_at: at('last_pass', 'finished_at'),
    pass_next: fields.has('pass') ? fields.object('pass').size('next') : null,
  }
}

function describe({ name, tree_size: size, level, problems, self_check: check }: LogState): string {
  const lines = [
    `${name}: ${size ?? 'no checkpoint yet'}${size === null ? '' : ' entries'}, ${level}`,
    ...problems.map(({ code, message }) => `  problem: ${message} (${code})`),
    ...(check === null ? [] : [`  self-check: ${describeCheck(check)}`]),
    ...(check?.findings ?? []).map((finding) => `  finding: ${finding}`),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function describeCheck(check: SelfCheckState): string {
  if (!check.working) return 'not by this process'
  const newest =
    check.newest_checked_at === null ? 'has just begun' : `newest entries at ${check.newest_checked_at}`
  const all = check.last_pass_at === null ? 'not yet all' : `all at ${check.last_pass_at}`
  const now = check.pass_next === null ? '' : `, now at entry ${check.pass_next}`
  return `${newest}, ${all}${now}`
}
