import type { Command } from 'commander'
import { ClientError } from '../client/index.ts'
import { toBase64 } from '../core/bytes.ts'
import { exportLog, type Exported, type ExportOptions } from '../static/export-log.ts'
import { openTarget } from '../static/open.ts'
import type { Io } from './io.ts'
import { logSource } from './log-source.ts'
import { wholeNumber } from './numbers.ts'
import { createProgress } from './progress.ts'
import { type LogOptions, withLog } from './target.ts'
import { type TrustOptions, withTrust } from './trust.ts'

type Options = LogOptions &
  TrustOptions & { to: string; from?: string; follow?: boolean; interval: number; json?: boolean }

export function addExport(program: Command, io: Io): void {
  withTrust(withLog(program.command('export')))
    .description(
      'write a log as static files (c2sp.org/tlog-tiles) that any web server or CDN serves, verifying all of it; goes on from ' +
        'what is there already, and puts the checkpoint last',
    )
    .requiredOption('--to <place>', 'folder, or s3://bucket/prefix (with the AWS_… variables)')
    .option('--from <place>', 'URL of the log, folder or s3://… (the log --log of the server --url)')
    .option('--follow', 'go on until stopped, exporting each new checkpoint')
    .option('--interval <seconds>', 'pause between looks with --follow', wholeNumber(1, 86_400), 5)
    .option('--json', 'print the result as JSON, one line for each export')
    .action((options: Options) => runExport(options, io))
}

async function runExport(options: Options, io: Io): Promise<void> {
  const { source, policy } = await logSource(options.from, options, io)
  const task: ExportOptions = { source, target: openTarget(options.to, io.env), policy: await policy() }
  if (!options.follow) return report(await exportOnce(task, io), options, io)
  let stopped = false
  const stop = io.untilStopped().then(() => (stopped = true))
  while (!stopped) {
    try {
      const exported = await exportOnce(task, io)
      if (exported.changed) await report(exported, options, io)
    } catch (error) {
      // A source that is away for a while is no reason to end; one that lies is.
      if (!(error instanceof ClientError && PASSING.has(error.code))) throw error
      io.err(`${error.message}: trying again\n`)
    }
    await pause(options.interval * 1000, stop)
  }
}

const PASSING = new Set(['unreachable', 'unavailable'])

async function exportOnce(task: ExportOptions, io: Io): Promise<Exported> {
  const progress = createProgress(io, 'entries')
  try {
    return await exportLog({ ...task, onProgress: (done, total) => progress.update(done, total) })
  } finally {
    progress.end()
  }
}

async function report({ head, from, changed }: Exported, { to, json }: Options, io: Io): Promise<void> {
  const { origin, size, root } = head.checkpoint
  if (json) {
    const result = { origin, tree_size: size, sha256_root_hash: toBase64(root), from_size: from, changed, to }
    return io.out(`${JSON.stringify(result)}\n`)
  }
  const what = changed ? `${size - from} entries were added to` : 'nothing was to be added to'
  await io.out(`${what} ${to}: ${origin}, size ${size}, root ${toBase64(root)}\n`)
}

/** Ends early when `stop` resolves. */
async function pause(ms: number, stop: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  await Promise.race([stop, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
