import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { toBase64 } from '../core/bytes.ts'
import { type Imported, importLog } from '../import-log.ts'
import type { Io } from './io.ts'
import { logSource } from './log-source.ts'
import { createProgress } from './progress.ts'
import type { ServerOptions } from './target.ts'
import { type TrustOptions, withTrust } from './trust.ts'

type Options = ServerOptions &
  TrustOptions & {
    from: string
    log: string
    origin?: string
    public?: boolean
    dedup?: boolean
    anew?: boolean
    json?: boolean
  }

export function addImport(program: Command, io: Io): void {
  withTrust(program.command('import'))
    .description(
      'take over any c2sp.org/tlog-tiles log as a new log of this database (DATABASE_URL, or PROOFLOG_DATA), with keys of its ' +
        'own: every entry is proved to be under the signed checkpoint, and the root is the same. Nothing is visible before all ' +
        'is there; the same command goes on after an interruption',
    )
    .requiredOption(
      '--from <place>',
      'URL of the log, folder, or s3://bucket/prefix (with the AWS_… variables)',
    )
    .requiredOption('--log <name>', 'name of the new log')
    .option('--origin <origin>', 'first line of its checkpoints (its address without scheme)')
    .option('--public', 'let everybody read its entries')
    .option('--dedup', 'give bytes that the log holds already their first index')
    .option(
      '--key <key>',
      'API key for the source; other users of this machine can see it: prefer --key-file',
    )
    .option('--key-file <file>', 'file that holds the API key')
    .option('--anew', 'leave alone what an interrupted run copied, and begin from the first entry')
    .option('--json', 'print the result as JSON')
    .action((options: Options) => runImport(options, io))
}

async function runImport(options: Options, io: Io): Promise<void> {
  const config = readConfig(io.env)
  const { source, policy } = await logSource(options.from, options, io)
  const trusted = await policy()
  const progress = createProgress(io, 'entries')
  try {
    const imported = await importLog(config, io.env, {
      name: options.log,
      origin: options.origin,
      public: options.public ?? false,
      dedup: options.dedup ?? false,
      source,
      policy: trusted,
      anew: options.anew ?? false,
      onProgress: (done, total) => progress.update(done, total),
      log: (message) => io.err(`${message}\n`),
    })
    progress.end()
    await io.out(options.json ? `${JSON.stringify(fieldsOf(imported))}\n` : describe(imported))
  } finally {
    progress.end()
  }
}

function describe({ info, checkpoint, resumedAt, noteFile }: Imported): string {
  const went = resumedAt === 0 ? '' : ` (${resumedAt} of them by an earlier run)`
  return (
    `log ${info.name} of ${info.origin} has the ${checkpoint.size} entries of ${checkpoint.origin}${went},\n` +
    `root ${toBase64(checkpoint.root)}. A running service signs it within seconds, else the next one that starts.\n` +
    `The checkpoint of the source is in ${noteFile}: keep it as the proof of where they came from\n`
  )
}

function fieldsOf({ info, checkpoint, resumedAt, noteFile }: Imported): object {
  return {
    name: info.name,
    origin: info.origin,
    vkeys: info.vkeys,
    tree_size: checkpoint.size,
    sha256_root_hash: toBase64(checkpoint.root),
    source_origin: checkpoint.origin,
    resumed_at: resumedAt,
    checkpoint_file: noteFile,
  }
}
