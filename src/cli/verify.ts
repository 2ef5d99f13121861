import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { verifyEventBundle, verifyProof } from '../client/index.ts'
import { type ClaimOptions, givenClaim, withClaim } from './claim.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { printableJson } from './printable.ts'
import { givenPolicy, type TrustOptions, withTrust } from './trust.ts'
import { describeEvent, eventFields } from './verified-event.ts'
import { describeProof, proofFields } from './verified-proof.ts'

type Options = TrustOptions & ClaimOptions & { proof?: string; event?: string; json?: boolean }

export function addVerify(program: Command, io: Io): void {
  withTrust(withClaim(program.command('verify')))
    .description('verify a proof offline: nothing is asked of any server')
    .option('--proof <file>', 'the .tlog-proof file')
    .option('--event <file>', 'an event with its proof, as written by: event bundle')
    .option('--json', 'print the result as JSON')
    .action((options: Options) => verify(options, io))
}

async function verify(options: Options, io: Io): Promise<void> {
  const policy = await givenPolicy(options)
  if (!policy) throw new UsageError('say whom to believe: --policy, --vkey or --vkey-file')
  const claim = await givenClaim(options)
  if (options.event !== undefined) {
    if (options.proof !== undefined || claim) throw new UsageError('--event brings its own entry and proof')
    const event = verifyEventBundle(await readFile(options.event), policy)
    return io.out(
      options.json ? `${printableJson(eventFields(event))}\n` : `verified\n${describeEvent(event)}`,
    )
  }
  if (options.proof === undefined) throw new UsageError('say what to verify: --proof or --event')
  if (!claim) throw new UsageError('say what the proof is of: one of --entry, --line, --leaf-hash')
  const proof = verifyProof(claim, await readFile(options.proof), policy)
  await io.out(options.json ? `${JSON.stringify(proofFields(proof))}\n` : `verified\n${describeProof(proof)}`)
}
