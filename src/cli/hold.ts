// Legal holds: while one lasts, nothing that it covers is erased.
import { type Command, Option } from 'commander'
import type { Fields } from '../client/json.ts'
import type { Io } from './io.ts'
import { requestJson } from './server.ts'
import { formatTable } from './table.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'

type Options = LogOptions & { json?: boolean }
type PlaceOptions = Options & { subject?: string; kind?: string; reason: string }

export function addHold(program: Command, io: Io): void {
  const hold = program.command('hold').description('keep a person, or a whole log, from being erased')
  listed(hold.command('place'))
    .description('place a hold on a person, or on the whole log')
    .option(
      '--subject <identifier>',
      'the person, as its sender names it; without, the hold is on the whole log',
    )
    .addOption(
      new Option('--kind <kind>', 'what the identifier is (actor)').choices([
        'actor',
        'ip',
        'source',
        'raw',
        'ref',
      ]),
    )
    .requiredOption('--reason <text>', 'why; stays as it is written, so name no person')
    .action(async ({ subject, kind, reason, ...options }: PlaceOptions) => {
      const body = {
        reason,
        ...(subject === undefined ? {} : { subject }),
        ...(kind === undefined ? {} : { kind }),
      }
      await show(
        await requestJson(await logTarget(options, io), { method: 'POST', path: 'holds', body }),
        'placed',
        options,
        io,
      )
    })
  listed(hold.command('release <id>'))
    .description('end a hold')
    .action(async (id: string, options: Options) => {
      const path = `holds/${encodeURIComponent(id)}`
      await show(
        await requestJson(await logTarget(options, io), { method: 'DELETE', path }),
        'released',
        options,
        io,
      )
    })
  listed(hold.command('list'))
    .description('all holds')
    .action(async (options: Options) => {
      const holds = (await requestJson(await logTarget(options, io), { path: 'holds' }))
        .objects('holds')
        .map(fieldsOf)
      if (options.json) return io.out(`${JSON.stringify({ holds })}\n`)
      await io.out(
        formatTable(
          ['id', 'covers', 'reason', 'since', 'released'],
          holds.map(({ id, ref, reason, placed_at, released_at }) => [
            id,
            ref ?? 'the log',
            reason,
            placed_at,
            released_at ?? '-',
          ]),
        ),
      )
    })
}

function listed(command: Command): Command {
  return withLog(command).option('--json', 'print the result as JSON')
}

function fieldsOf(fields: Fields) {
  return {
    id: fields.text('id'),
    ref: fields.has('ref') ? fields.text('ref') : null,
    reason: fields.text('reason'),
    placed_at: fields.text('placed_at'),
    released_at: fields.has('released_at') ? fields.text('released_at') : null,
  }
}

async function show(answer: Fields, done: string, { json }: Options, io: Io): Promise<void> {
  const hold = fieldsOf(answer)
  await io.out(json ? `${JSON.stringify(hold)}\n` : `hold ${hold.id} is ${done}\n`)
}
