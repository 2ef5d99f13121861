import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { createClient } from '../client/index.ts'
import { MAX_ENTRY_SIZE } from '../core/bundle.ts'
import { FormatError } from '../core/errors.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './numbers.ts'
import { createProgress, type Progress } from './progress.ts'
import { readLines } from './read-lines.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'
import { policyFor, type TrustOptions, withTrust } from './trust.ts'

type Options = LogOptions &
  TrustOptions & {
    whole?: boolean
    wait?: boolean
    indexes?: boolean
    json?: boolean
    batch: number
    parallel: number
  }

/** What was acknowledged so far. */
type Tally = { count: number; duplicates: number; first: number | undefined; last: number }

/** A server that restarts must not end a long append. */
const RETRIES = 8
const DEFAULT_BATCH = 1_024

export function addAppend(program: Command, io: Io): void {
  withTrust(withLog(program.command('append [file...]')))
    .description('append each line of files, or of standard input (-), as one entry, without its newline')
    .option('--whole', 'append each file as one entry')
    .option('--wait', 'wait until a verified checkpoint covers all of them')
    .option('--indexes', 'print the index of each entry')
    .option('--batch <n>', 'entries of one request', wholeNumber(1, 8_192), DEFAULT_BATCH)
    .option(
      '--parallel <n>',
      'requests at once; with more than 1, entries may change places',
      wholeNumber(1, 64),
      1,
    )
    .option('--json', 'print the result as JSON')
    .action((files: string[], options: Options) => appendFiles(files.length > 0 ? files : ['-'], options, io))
}

async function appendFiles(files: readonly string[], options: Options, io: Io): Promise<void> {
  const target = { ...(await logTarget(options, io)), retries: RETRIES }
  // Whom to believe matters only when something is to be verified.
  const policy = options.wait
    ? (await policyFor(target, options)).policy
    : { logs: [], witnesses: [], groups: [], quorum: 'none' }
  const client = createClient({ ...target, policy })
  const tally: Tally = { count: 0, duplicates: 0, first: undefined, last: 0 }
  const indexes: number[] = []
  const progress = createProgress(io, 'entries')
  const entries = options.whole ? wholeFiles(files, io) : linesOf(files, io)
  try {
    for await (const receipt of client.appendMany(entries, {
      batch: options.batch,
      window: options.parallel,
    })) {
      count(tally, receipt)
      progress.update(tally.count, undefined)
      if (options.json && options.indexes) indexes.push(...receipt.indexes)
      else if (options.indexes) await io.out(receipt.indexes.map((index) => `${index}\n`).join(''))
    }
  } catch (error) {
    progress.end()
    if (tally.count > 0)
      io.err(`${tally.count} entries were acknowledged before the error, and are in the log\n`)
    throw error
  }
  const size = options.wait && tally.count > 0 ? await waitPublished(client, tally, progress, io) : undefined
  progress.end()
  await printResult(tally, { indexes, size }, options, io)
}

async function waitPublished(
  client: ReturnType<typeof createClient>,
  tally: Tally,
  progress: Progress,
  io: Io,
): Promise<number> {
  progress.end()
  if (io.errIsTty) io.err('waiting for a checkpoint\n')
  return (await client.wait(tally.last)).checkpoint.size
}

function count(tally: Tally, receipt: { indexes: readonly number[]; duplicates: number }): void {
  tally.count += receipt.indexes.length
  tally.duplicates += receipt.duplicates
  tally.first ??= receipt.indexes[0]
  for (const index of receipt.indexes) tally.last = Math.max(tally.last, index)
}

async function printResult(
  { count: total, duplicates, first }: Tally,
  { indexes, size }: { indexes: readonly number[]; size: number | undefined },
  options: Options,
  io: Io,
): Promise<void> {
  if (options.json) {
    const result = {
      count: total,
      duplicates,
      first_index: first ?? null,
      ...(options.indexes ? { indexes } : {}),
      ...(size === undefined ? {} : { tree_size: size }),
    }
    return io.out(`${JSON.stringify(result)}\n`)
  }
  if (options.indexes) return
  const what =
    total === 1 ? `entry ${first}` : `${total} entries${first === undefined ? '' : `, first index ${first}`}`
  const known = duplicates > 0 ? `, ${duplicates} repeated` : ''
  const covered = size === undefined ? '' : `, covered by the checkpoint of size ${size}`
  await io.out(`${what}${known}${covered}\n`)
}

async function* linesOf(files: readonly string[], io: Io): AsyncGenerator<Uint8Array, void, undefined> {
  for (const file of files) {
    const stream = file === '-' ? io.stdin : createReadStream(file, { highWaterMark: 1_048_576 })
    yield* readLines(stream, file === '-' ? 'standard input' : file)
  }
}

async function* wholeFiles(files: readonly string[], io: Io): AsyncGenerator<Uint8Array, void, undefined> {
  for (const file of files) {
    if (file !== '-' && (await stat(file)).size > MAX_ENTRY_SIZE) throw tooLarge(file)
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of file === '-' ? io.stdin : createReadStream(file)) {
      chunks.push(chunk)
      size += chunk.length
      if (size > MAX_ENTRY_SIZE) throw tooLarge(file)
    }
    yield new Uint8Array(Buffer.concat(chunks))
  }
}

function tooLarge(file: string): FormatError {
  return new FormatError(
    'entry_too_large',
    `${file} has more than ${MAX_ENTRY_SIZE} bytes, which no entry can have`,
  )
}
