import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import type { Checkpoint } from '../client/index.ts'
import { toBase64 } from '../core/bytes.ts'
import { parseEvidence, type Proven, verifyEvidence } from '../monitor/evidence.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { EVIDENCE_FILE } from './monitor-files.ts'
import { givenPolicy, type TrustOptions, withTrust } from './trust.ts'

type Options = TrustOptions & { json?: boolean }

export function addVerifyEvidence(program: Command, io: Io): void {
  withTrust(program.command('verify-evidence <folder>'))
    .description(
      'verify, offline, what a monitor kept: that the log signed both notes, and with a divergence that neither tree continues ' +
        'the other; nothing else in the folder is believed',
    )
    .option('--json', 'print the result as JSON')
    .action((folder: string, options: Options) => verifyFolder(folder, options, io))
}

async function verifyFolder(folder: string, options: Options, io: Io): Promise<void> {
  const policy = await givenPolicy(options)
  if (!policy) throw new UsageError('say whom to believe: --policy, --vkey or --vkey-file')
  const file = join(folder, EVIDENCE_FILE)
  const evidence = parseEvidence(await readFile(file), file)
  const read = async (name: string | undefined): Promise<Uint8Array | undefined> =>
    name === undefined ? undefined : new Uint8Array(await readFile(join(folder, basename(name))))
  const notes = {
    remembered: await read(evidence.files.remembered),
    offered: await read(evidence.files.offered),
  }
  const proven = verifyEvidence(evidence, notes, policy)
  const { verdict, remembered, offered } = proven
  if (!options.json) return io.out(describe(evidence.code, proven))
  const result = {
    code: evidence.code,
    verdict,
    remembered: fieldsOf(remembered),
    offered: fieldsOf(offered),
  }
  await io.out(`${JSON.stringify(result)}\n`)
}

function describe(code: string, { verdict, remembered, offered }: Proven): string {
  const what =
    verdict === 'fork'
      ? 'fork proven: the log signed both, and neither continues the other'
      : `signed: the log signed what is there; that it is "${code}" the monitor says`
  return `${what}\n${line('remembered', remembered)}${line('offered', offered)}`
}

function line(name: string, checkpoint: Checkpoint | undefined): string {
  if (checkpoint === undefined) return ''
  const { origin, size, root } = checkpoint
  return `  ${name.padEnd(11)} size ${size}, root ${toBase64(root)}, ${origin}\n`
}

function fieldsOf(checkpoint: Checkpoint | undefined): object | null {
  if (checkpoint === undefined) return null
  const { origin, size, root } = checkpoint
  return { origin, tree_size: size, sha256_root_hash: toBase64(root) }
}
