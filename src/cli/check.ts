import type { Command } from 'commander'
import { checkDatabase } from '../check-database.ts'
import { readConfig } from '../config.ts'
import { ProoflogError } from '../core/errors.ts'
import type { CheckReport } from '../self-check/check-all.ts'
import { describeFinding, type Finding } from '../self-check/finding.ts'
import type { Io } from './io.ts'
import { createProgress } from './progress.ts'

interface Options {
  readonly log?: string
  readonly json?: boolean
}

/** The stored log is not what it should be: the exit code is 1. */
class CheckFailed extends ProoflogError {
  readonly code = 'tampered'
}

export function addCheck(program: Command, io: Io): void {
  program
    .command('check')
    .description(
      'derive every hash, tile, root and signature again from the database itself (DATABASE_URL, or the one in PROOFLOG_DATA), ' +
        'past a running service; every place that differs is named, and the exit code is 1',
    )
    .option('--log <name>', 'only this log (all)')
    .option('--json', 'print the result as JSON')
    .action((options: Options) => check(options, io))
}

async function check({ log, json }: Options, io: Io): Promise<void> {
  const progress = createProgress(io, 'entries')
  let before = 0
  let current = ''
  let last = 0
  const report = await checkDatabase(readConfig(io.env), {
    env: io.env,
    log: (message) => io.err(`${message}\n`),
    onProgress(name, entries) {
      if (name !== current) before += last
      current = name
      last = entries
      progress.update(before + entries, undefined)
    },
    ...(log === undefined ? {} : { only: log }),
  })
  progress.end()
  await io.out(json ? `${JSON.stringify(fieldsOf(report))}\n` : describe(report))
  const findings = findingsOf(report).length + report.logs.reduce((sum, one) => sum + one.more, 0)
  if (findings > 0)
    throw new CheckFailed(
      `what is stored is not what it should be (${counted(findings)}); see docs/self-check.md`,
    )
}

function counted(findings: number): string {
  return findings === 1 ? '1 finding' : `${findings} findings`
}

function findingsOf({ logs, findings }: CheckReport): Finding[] {
  return [...logs.flatMap((one) => one.findings), ...findings]
}

function fieldsOf(report: CheckReport): object {
  return {
    logs: report.logs.map(({ log, size, seq, findings, more }) => ({
      name: log,
      tree_size: size,
      checkpoints: seq + 1,
      findings: findings.length + more,
    })),
    findings: findingsOf(report).map((finding) => ({ ...finding, message: describeFinding(finding) })),
  }
}

function describe(report: CheckReport): string {
  const lines = report.logs.map(({ log, size, seq, findings, more }) => {
    const count = findings.length + more
    return `${log}: ${size} entries, ${seq + 1} checkpoints: ${count === 0 ? 'right' : counted(count)}`
  })
  return [...lines, ...findingsOf(report).map(describeFinding)].map((line) => `${line}\n`).join('')
}
