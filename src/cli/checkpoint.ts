import type { Command } from 'commander'
import { createClient } from '../client/index.ts'
import { decodeUtf8, toBase64 } from '../core/bytes.ts'
import { headFile } from './head-file.ts'
import type { Io } from './io.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'
import { policyFor, type TrustOptions, warnAnnounced, withTrust } from './trust.ts'

type Options = LogOptions & TrustOptions & { remember?: string; json?: boolean }

export function addCheckpoint(program: Command, io: Io): void {
  withTrust(withLog(program.command('checkpoint')))
    .description('print the newest checkpoint, verified')
    .option('--remember <file>', 'check that it continues the checkpoint in this file, and put it there')
    .option('--json', 'print the result as JSON')
    .action((options: Options) => printCheckpoint(options, io))
}

async function printCheckpoint(options: Options, io: Io): Promise<void> {
  const target = await logTarget(options, io)
  const { policy, announced } = await policyFor(target, options)
  if (announced) warnAnnounced(policy, io)
  const heads = options.remember === undefined ? undefined : headFile(options.remember)
  const { checkpoint, cosigners, note } = await createClient({ ...target, policy, heads }).checkpoint()
  if (!options.json) return io.out(note)
  const { origin, size, root } = checkpoint
  const result = {
    origin,
    tree_size: size,
    sha256_root_hash: toBase64(root),
    cosigners: cosigners.map(({ name, timestamp }) => ({ name, timestamp })),
    checkpoint: decodeUtf8(note),
  }
  await io.out(`${JSON.stringify(result)}\n`)
}
