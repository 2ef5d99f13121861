import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { type Claim, type Client, createClient, EvidenceError } from '../client/index.ts'
import { equalBytes } from '../core/bytes.ts'
import { leafHashOf, parseLeafHash, readEntry, textEntry } from './claim.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './numbers.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'
import { policyFor, type TrustOptions, withTrust } from './trust.ts'
import { describeProof, proofFields } from './verified-proof.ts'

type Options = LogOptions &
  TrustOptions & { entry?: string; line?: string; hash?: string; output?: string; json?: boolean }

export function addProve(program: Command, io: Io): void {
  const index = wholeNumber(0, Number.MAX_SAFE_INTEGER - 1)
  withTrust(withLog(program.command('prove')))
    .description(
      'write a proof that an entry is in the log: a .tlog-proof file, to be verified without the log',
    )
    .argument('[index]', 'index of the entry', index)
    .option('--entry <file>', 'instead of the index: a file that is the entry')
    .option('--line <text>', 'instead of the index: a text that is the entry')
    .option('--hash <leaf-hash>', 'instead of the index: the leaf hash, in hex or base64')
    .option('-o, --output <file>', 'where to write it, - for standard output (<log>-<index>.tlog-proof)')
    .option('--json', 'print the result as JSON')
    .action((at: number | undefined, options: Options) => prove(at, options, io))
}

async function prove(at: number | undefined, options: Options, io: Io): Promise<void> {
  const claim = await claimOf(options)
  if ((at === undefined) === (claim === undefined)) {
    throw new UsageError('give one of: an index, --entry, --line, --hash')
  }
  const target = await logTarget(options, io)
  const client = createClient({ ...target, policy: (await policyFor(target, options)).policy })
  const index = at ?? (await indexOf(client, claim))
  const { file, proof } = await client.prove(index)
  if (claim && !equalBytes(leafHashOf(claim), proof.leafHash)) {
    throw new EvidenceError(
      'entry_differs',
      `entry ${index}: not the one asked for, although the server says so`,
      { index },
    )
  }
  const output = options.output ?? `${options.log}-${index}.tlog-proof`
  if (output === '-') return io.out(file)
  await writeFile(output, file)
  await io.out(
    options.json
      ? `${JSON.stringify({ ...proofFields(proof), file: output })}\n`
      : `${describeProof(proof)}proof     ${output}\n`,
  )
}

async function indexOf(client: Client, claim: Claim | undefined): Promise<number> {
  if (!claim) throw new UsageError('give one of: an index, --entry, --line, --hash')
  return client.indexOf(leafHashOf(claim))
}

async function claimOf({ entry, line, hash }: Options): Promise<Claim | undefined> {
  if ([entry, line, hash].filter((given) => given !== undefined).length > 1) {
    throw new UsageError('give one of: --entry, --line, --hash')
  }
  if (entry !== undefined) return readEntry(entry)
  if (line !== undefined) return textEntry(line)
  return hash === undefined ? undefined : parseLeafHash(hash)
}
