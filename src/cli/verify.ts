import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { type Claim, verifyProof } from '../client/index.ts'
import { parseLeafHash, readEntry, textEntry } from './claim.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { givenPolicy, type TrustOptions, withTrust } from './trust.ts'
import { describeProof, proofFields } from './verified-proof.ts'

type Options = TrustOptions & {
  proof: string
  entry?: string
  text?: string
  leafHash?: string
  json?: boolean
}

export function addVerify(program: Command, io: Io): void {
  withTrust(program.command('verify'))
    .description('verify a proof offline: nothing is asked of any server')
    .requiredOption('--proof <file>', 'the .tlog-proof file')
    .option('--entry <file>', 'a file that is the entry')
    .option('--text <line>', 'a text that is the entry')
    .option('--leaf-hash <hash>', 'the leaf hash of the entry, in hex or base64')
    .option('--json', 'print the result as JSON')
    .action((options: Options) => verify(options, io))
}

async function verify(options: Options, io: Io): Promise<void> {
  const policy = await givenPolicy(options)
  if (!policy) throw new UsageError('say whom to believe: --policy, --vkey or --vkey-file')
  const claim = await claimOf(options)
  const proof = verifyProof(claim, await readFile(options.proof), policy)
  await io.out(options.json ? `${JSON.stringify(proofFields(proof))}\n` : `verified\n${describeProof(proof)}`)
}

async function claimOf({ entry, text, leafHash }: Options): Promise<Claim> {
  if ([entry, text, leafHash].filter((given) => given !== undefined).length !== 1) {
    throw new UsageError('say what the proof is of: one of --entry, --text, --leaf-hash')
  }
  if (entry !== undefined) return readEntry(entry)
  if (text !== undefined) return textEntry(text)
  return parseLeafHash(leafHash ?? '')
}
