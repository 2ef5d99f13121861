import type { Command } from 'commander'
import { createClient, type LogEntry } from '../client/index.ts'
import { toBase64, toHex } from '../core/bytes.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'
import { policyFor, type TrustOptions, withTrust } from './trust.ts'

type Options = LogOptions & TrustOptions & { json?: boolean }

export function addGet(program: Command, io: Io): void {
  withTrust(withLog(program.command('get <range>')))
    .description(
      'print an entry (7), byte for byte, or entries (7-12), one a line; each is verified to be in the log',
    )
    .option('--json', 'print one JSON object a line, with the entry in base64')
    .action((range: string, options: Options) => printEntries(range, options, io))
}

async function printEntries(range: string, options: Options, io: Io): Promise<void> {
  const { first, last } = rangeOf(range)
  const target = await logTarget(options, io)
  const { policy } = await policyFor(target, options)
  const single = !range.includes('-')
  for await (const entry of createClient({ ...target, policy }).entries(first, last + 1)) {
    await io.out(options.json ? asJson(entry) : entry.entry)
    if (!single && !options.json) await io.out('\n')
  }
}

function asJson({ index, leafHash, entry }: LogEntry): string {
  return `${JSON.stringify({ index, leaf_hash: toHex(leafHash), entry: toBase64(entry) })}\n`
}

/** @throws UsageError */
function rangeOf(text: string): { first: number; last: number } {
  const [, start, end = start] = /^(0|[1-9][0-9]{0,14})(?:-(0|[1-9][0-9]{0,14}))?$/.exec(text) ?? []
  const range = { first: Number(start), last: Number(end) }
  if (start !== undefined && range.first <= range.last) return range
  throw new UsageError(`${JSON.stringify(text)} is neither an index, such as 7, nor a range, such as 7-12`)
}
