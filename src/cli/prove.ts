import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { type Claim, type Client, createClient, EvidenceError } from '../client/index.ts'
import { equalBytes } from '../core/bytes.ts'
import { type ClaimOptions, givenClaim, leafHashOf, withClaim } from './claim.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './numbers.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'
import { policyFor, type TrustOptions, withTrust } from './trust.ts'
import { describeProof, proofFields } from './verified-proof.ts'

type Options = LogOptions & TrustOptions & ClaimOptions & { output?: string; json?: boolean }

export function addProve(program: Command, io: Io): void {
  const index = wholeNumber(0, Number.MAX_SAFE_INTEGER - 1)
  withTrust(withLog(withClaim(program.command('prove'))))
    .description(
      'write a proof that an entry is in the log: a .tlog-proof file, to be verified without the log',
    )
    .argument('[index]', 'index of the entry, unless one of --entry, --line, --leaf-hash names it', index)
    .option('-o, --output <file>', 'where to write it, - for standard output (<log>-<index>.tlog-proof)')
    .option('--json', 'print the result as JSON')
    .action((at: number | undefined, options: Options) => prove(at, options, io))
}

async function prove(at: number | undefined, options: Options, io: Io): Promise<void> {
  const claim = await givenClaim(options)
  if ((at === undefined) === (claim === undefined)) {
    throw new UsageError('give one of: an index, --entry, --line, --leaf-hash')
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
  if (!claim) throw new UsageError('give one of: an index, --entry, --line, --leaf-hash')
  return client.indexOf(leafHashOf(claim))
}
