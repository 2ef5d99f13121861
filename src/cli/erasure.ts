// Forgetting a person: asked for by one, approved by another.
import { type Command, Option } from 'commander'
import { type Fields } from '../client/json.ts'
import type { Io } from './io.ts'
import { requestJson } from './server.ts'
import { formatTable } from './table.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'

type Options = LogOptions & { json?: boolean }
type RequestOptions = Options & { kind: string; basis: string; ticket?: string }

export function addErasure(program: Command, io: Io): void {
  const erasure = program
    .command('erasure')
    .description('erase what is personal of somebody: the key and the disclosures go, every proof stays')
  listed(erasure.command('request <identifier>'))
    .description('ask for it, by the identifier that senders give; somebody else has to approve')
    .addOption(
      new Option('--kind <kind>', 'what the identifier is')
        .choices(['actor', 'ip', 'source', 'raw', 'ref'])
        .default('actor'),
    )
    .requiredOption(
      '--basis <text>',
      'why, such as "GDPR Art. 17(1)(a)"; stays in the log, so name no person',
    )
    .option('--ticket <text>', 'number or name of the case; stays in the log, so name no person')
    .action(async (subject: string, { kind, basis, ticket, ...options }: RequestOptions) => {
      const body = { subject, kind, basis, ...(ticket === undefined ? {} : { ticket }) }
      await show(
        await requestJson(await logTarget(options, io), { method: 'POST', path: 'erasures', body }),
        options,
        io,
      )
    })
  for (const verb of ['approve', 'reject'] as const) {
    listed(erasure.command(`${verb} <id>`))
      .description(verb === 'approve' ? 'do it: for good, at once' : 'do not do it')
      .action(async (id: string, options: Options) => {
        const path = `erasures/${encodeURIComponent(id)}/${verb}`
        await show(await requestJson(await logTarget(options, io), { method: 'POST', path }), options, io)
      })
  }
  listed(erasure.command('list'))
    .description('all requests, and what became of them')
    .action(async (options: Options) => {
      const erasures = (await requestJson(await logTarget(options, io), { path: 'erasures' }))
        .objects('erasures')
        .map(fieldsOf)
      if (options.json) return io.out(`${JSON.stringify({ erasures })}\n`)
      await io.out(
        formatTable(
          ['id', 'state', 'subject', 'entries', 'basis'],
          erasures.map(({ id, state, ref, entries, basis }) => [
            id,
            state,
            ref,
            entries === null ? '-' : String(entries),
            basis,
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
    state: fields.text('state'),
    ref: fields.text('ref'),
    basis: fields.text('basis'),
    entries: fields.has('entries') ? fields.size('entries') : null,
    index: fields.has('index') ? fields.size('index') : null,
  }
}

async function show(answer: Fields, { json }: Options, io: Io): Promise<void> {
  const erasure = fieldsOf(answer)
  if (json) return io.out(`${JSON.stringify(erasure)}\n`)
  const { id, state, entries, index } = erasure
  const done =
    entries === null
      ? ''
      : `: ${entries} ${entries === 1 ? 'entry holds' : 'entries hold'} nothing of the person any more`
  await io.out(`erasure ${id} is ${state}${done}${index === null ? '' : `, recorded at index ${index}`}\n`)
}
