import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { verifyEventBundle } from '../client/index.ts'
import { createTransport } from '../client/transport.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './numbers.ts'
import { printableJson } from './printable.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'
import { policyFor, type TrustOptions, withTrust } from './trust.ts'
import { describeEvent, eventFields } from './verified-event.ts'

type Options = LogOptions & TrustOptions & { disclose?: string; output?: string; json?: boolean }

const BUNDLE_LIMIT = 16_000_000

export function addEventBundle(event: Command, io: Io): void {
  withTrust(withLog(event.command('bundle')))
    .argument('<index>', 'index of the event', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .description(
      'write an event with its proof and the personal fields that you choose, verified; anybody verifies it offline: verify --event FILE',
    )
    .option(
      '--disclose <paths>',
      'personal fields, such as actor.name,src.ip, or all (needs a key that may; it is recorded)',
    )
    .option(
      '-o, --output <file>',
      'where to write it, - for standard output (<log>-<index>.event.json); with - nothing else is printed',
    )
    .option('--json', 'print the result as JSON')
    .action((at: number, options: Options) => bundle(at, options, io))
}

async function bundle(at: number, options: Options, io: Io): Promise<void> {
  const target = await logTarget(options, io)
  const { policy } = await policyFor(target, options)
  const query = options.disclose === undefined ? '' : `?disclose=${encodeURIComponent(options.disclose)}`
  const file = await createTransport(target).request({
    path: `events/${at}/bundle${query}`,
    limit: BUNDLE_LIMIT,
  })
  const event = verifyEventBundle(file, policy)
  const output = options.output ?? `${options.log}-${at}.event.json`
  if (output === '-') return io.out(file)
  await writeFile(output, file)
  await io.out(
    options.json
      ? `${printableJson({ ...eventFields(event), file: output })}\n`
      : `${describeEvent(event)}bundle    ${output}\n`,
  )
}
