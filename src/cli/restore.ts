import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { toBase64 } from '../core/bytes.ts'
import { restoreLog, type Restored } from '../restore-log.ts'
import type { Io } from './io.ts'
import { openLogSource } from './log-source.ts'
import { createProgress } from './progress.ts'
import type { ServerOptions } from './target.ts'

type Options = ServerOptions & {
  from: string
  log: string
  cosigner?: readonly string[]
  public?: boolean
  dedup: boolean
  anew?: boolean
  json?: boolean
}

export function addRestore(program: Command, io: Io): void {
  program
    .command('restore')
    .description(
      'rebuild a lost log in this database (DATABASE_URL, or PROOFLOG_DATA) from a copy, with the same origin, keys and root; or ' +
        'complete it where the database is an older one. Needs the key file and asks the guard; refuses what does not agree. ' +
        'The same command goes on after an interruption',
    )
    .requiredOption('--from <place>', 'URL of a mirror or static copy, folder, or s3://bucket/prefix')
    .requiredOption('--log <name>', 'name that the log had: its key file is <name>.keys')
    .option('--cosigner <vkey...>', 'keys that must have cosigned the copy: those of the mirror')
    .option('--public', 'let everybody read its entries, if the database does not know the log any more')
    .option('--no-dedup', 'give the same bytes a new index each time, as above')
    .option('--key <key>', 'API key for the copy; other users of this machine can see it: prefer --key-file')
    .option('--key-file <file>', 'file that holds the API key')
    .option('--anew', 'leave alone what an interrupted run copied, and begin from the first entry')
    .option('--json', 'print the result as JSON')
    .action((options: Options) => runRestore(options, io))
}

async function runRestore(options: Options, io: Io): Promise<void> {
  const config = readConfig(io.env)
  const source = await openLogSource(options.from, options, io)
  const progress = createProgress(io, 'entries')
  try {
    const restored = await restoreLog(config, io.env, {
      name: options.log,
      source,
      cosigners: options.cosigner ?? [],
      public: options.public ?? false,
      dedup: options.dedup,
      anew: options.anew ?? false,
      onProgress: (done, total) => progress.update(done, total),
      log: (message) => io.err(`${message}\n`),
    })
    progress.end()
    if (restored.guarded === undefined) io.err(UNGUARDED)
    await io.out(options.json ? `${JSON.stringify(fieldsOf(restored))}\n` : describe(restored))
  } finally {
    progress.end()
  }
}

const UNGUARDED =
  'warning: the guard knew nothing of this log, so nothing told whether the copy is the newest. Compare its size with what\n' +
  'mirrors, witnesses and clients remember before the service starts: what was signed beyond it would be contradicted\n'

function describe({ info, checkpoint, from, guarded }: Restored): string {
  return (
    `log ${info.name} of ${checkpoint.origin} has its ${checkpoint.size} entries again (${checkpoint.size - from} of them from the copy),\n` +
    `root ${toBase64(checkpoint.root)}; ${guarded === undefined ? 'the guard knew nothing' : `the guard knew size ${guarded}`}. Start the service: it goes on from there\n`
  )
}

function fieldsOf({ info, checkpoint, from, guarded }: Restored): object {
  return {
    name: info.name,
    origin: info.origin,
    vkeys: info.vkeys,
    tree_size: checkpoint.size,
    sha256_root_hash: toBase64(checkpoint.root),
    from_size: from,
    guarded_size: guarded ?? null,
  }
}
