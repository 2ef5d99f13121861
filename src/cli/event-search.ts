import { type Command, Option } from 'commander'
import { ClientError } from '../client/index.ts'
import { createTransport } from '../client/transport.ts'
import { decodeUtf8 } from '../core/bytes.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './numbers.ts'
import { printableJson } from './printable.ts'
import { formatTable } from './table.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'

/** Filters as the server names them, and what they are. */
const FILTERS = [
  ['actor', '<id>', 'id, name, e-mail or ref of who did it'],
  ['target', '<id>', 'id, name or type of what it was done to'],
  ['ip', '<address>', 'address that it came from'],
  ['session', '<id>', 'id of the session'],
  ['trace', '<id>', 'id of the trace'],
  ['correlation', '<id>', 'id that its sender gave to what belongs together'],
  ['service', '<name>', 'name of the service that it is about'],
  ['id', '<id>', 'id of the event'],
  ['from', '<time>', 'time of the event, from (RFC 3339)'],
  ['to', '<time>', 'time of the event, before (RFC 3339)'],
  ['text', '<words>', 'words, all of which occur'],
] as const

/** Filters with few values. */
const CHOICES = [
  ['outcome', '<outcome>', 'how it ended', ['success', 'failure', 'unknown']],
  [
    'type',
    '<type>',
    'raw is what was no event and is kept as it came',
    ['event', 'raw', 'erasure', 'custody'],
  ],
] as const

export type FilterOptions = {
  readonly action?: string[]
  readonly source?: string[]
  readonly severity?: number
  readonly outcome?: string
  readonly type?: string
} & {
  readonly [name in (typeof FILTERS)[number][0]]?: string
}
type Options = LogOptions &
  FilterOptions & { reveal?: boolean; json?: boolean; limit: number; before?: number }
type TimelineOptions = LogOptions & {
  session?: string
  trace?: string
  correlation?: string
  actor?: string
} & {
  reveal?: boolean
  json?: boolean
  limit: number
  after?: number
}
type ShowOptions = LogOptions & { reveal?: boolean; json?: boolean }

const ANSWER_LIMIT = 64_000_000
const MOST_SEVERE = 24
const index = (): ((text: string) => number) => wholeNumber(0, Number.MAX_SAFE_INTEGER)

export function withFilters(command: Command): Command {
  command.option('--action <action...>', 'what was done; user.* for all that begin so')
  command.option('--source <source...>', 'who sent it')
  for (const [name, argument, description] of FILTERS) command.option(`--${name} ${argument}`, description)
  for (const [name, argument, description, choices] of CHOICES)
    command.addOption(new Option(`--${name} ${argument}`, description).choices(choices))
  return command.option(
    '--severity <n>',
    `at least this severity, 1 to ${MOST_SEVERE} (9 is info, 17 is error)`,
    wholeNumber(1, MOST_SEVERE),
  )
}

export function filtersGiven(options: FilterOptions): [string, string][] {
  const several = [
    ...(options.action ?? []).map((value): [string, string] => ['action', value]),
    ...(options.source ?? []).map((value): [string, string] => ['source', value]),
  ]
  const names = [...FILTERS, ...CHOICES].map(([name]) => name)
  const single = [...names, 'severity' as const].flatMap((name): [string, string][] => {
    const value = options[name]
    return value === undefined ? [] : [[name, String(value)]]
  })
  return [...several, ...single]
}

export function addEventSearch(event: Command, io: Io): void {
  withFilters(withLog(event.command('search')))
    .description('search events, newest first; all filters must hold')
    .option('--limit <n>', 'events at most', wholeNumber(1, 1_000), 50)
    .option('--before <index>', 'only indexes below: the next page', index())
    .option('--reveal', 'show personal fields (needs a key that may; it is recorded)')
    .option('--json', 'print one event a line')
    .action((options: Options) => search(options, io))
  withLog(event.command('timeline'))
    .description('what happened in a session, for a trace, or by an actor: oldest first, across sources')
    .addOption(
      new Option('--session <id>', 'of a session: this or one of the following three').conflicts([
        'trace',
        'correlation',
        'actor',
      ]),
    )
    .addOption(new Option('--trace <id>', 'of a trace').conflicts(['correlation', 'actor']))
    .addOption(
      new Option('--correlation <id>', 'of what its senders say belongs together').conflicts(['actor']),
    )
    .option('--actor <id>', 'by an id, name, e-mail or ref of who did it (needs a key that may reveal)')
    .option('--limit <n>', 'events at most', wholeNumber(1, 1_000), 100)
    .option('--after <index>', 'only indexes above: the next page', index())
    .option('--reveal', 'show personal fields (needs a key that may; it is recorded)')
    .option('--json', 'print one event a line')
    .action((options: TimelineOptions) => timeline(options, io))
  withLog(event.command('show'))
    .argument('<index>', 'index of the event', index())
    .description('print one event as JSON')
    .option('--reveal', 'show personal fields (needs a key that may; it is recorded)')
    .option('--json', 'print it on one line')
    .action((at: number, options: ShowOptions) => show(at, options, io))
}

async function search(options: Options, io: Io): Promise<void> {
  const query = new URLSearchParams(filtersGiven(options))
  query.set('limit', String(options.limit))
  if (options.before !== undefined) query.set('before', String(options.before))
  if (options.reveal === true) query.set('reveal', 'true')
  await print(await ask(options, `events?${query.toString()}`, io), options, io, 'before')
}

async function timeline(options: TimelineOptions, io: Io): Promise<void> {
  const { session, trace, correlation, actor } = options
  const given = Object.entries({ session, trace, correlation, actor }).flatMap(
    ([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]),
  )
  if (given.length !== 1) throw new UsageError('give one of --session, --trace, --correlation, --actor')
  const query = new URLSearchParams(given)
  query.set('limit', String(options.limit))
  if (options.after !== undefined) query.set('after', String(options.after))
  if (options.reveal === true) query.set('reveal', 'true')
  await print(await ask(options, `timeline?${query.toString()}`, io), options, io, 'after')
}

async function show(at: number, options: ShowOptions, io: Io): Promise<void> {
  const event = await ask(options, `events/${at}${options.reveal === true ? '?reveal=true' : ''}`, io)
  await io.out(`${printableJson(event, options.json === true ? undefined : 2)}\n`)
}

interface Page {
  readonly events: readonly Readonly<Record<string, unknown>>[]
  readonly next: unknown
}

async function print(
  answer: unknown,
  { json }: { json?: boolean },
  io: Io,
  cursor: 'before' | 'after',
): Promise<void> {
  const { events, next } = pageOf(answer)
  if (json === true) {
    for (const event of events) await io.out(`${printableJson(event)}\n`)
  } else {
    await io.out(
      formatTable(['index', 'time', 'action', 'outcome', 'actor', 'target', 'source'], events.map(rowOf)),
    )
  }
  if (typeof next === 'number') io.err(`more: --${cursor} ${next}\n`)
}

function pageOf(answer: unknown): Page {
  if (typeof answer === 'object' && answer !== null && 'events' in answer && Array.isArray(answer.events)) {
    return { events: answer.events, next: 'next' in answer ? answer.next : undefined }
  }
  throw new ClientError('bad_answer', 'The log answered without events.')
}

function rowOf(event: Readonly<Record<string, unknown>>): string[] {
  const party = (value: unknown): string => {
    if (typeof value !== 'object' || value === null) return '-'
    const known = Object.entries(value)
    const text = ['name', 'id', 'email', 'ref', 'type'].map(
      (name) => known.find(([key]) => key === name)?.[1],
    )
    return cell(text.find((one) => typeof one === 'string'))
  }
  const { index: at, source } = event
  const { time, action, outcome, actor, targets } = objectOf(event['event'])
  const target: unknown = Array.isArray(targets) ? targets[0] : undefined
  return [at, time, action, outcome].map(cell).concat(party(actor), party(target), cell(source))
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function cell(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-'
}

async function ask(options: LogOptions, path: string, io: Io): Promise<unknown> {
  const bytes = await createTransport(await logTarget(options, io)).request({ path, limit: ANSWER_LIMIT })
  try {
    return JSON.parse(decodeUtf8(bytes))
  } catch (cause) {
    throw new ClientError('bad_answer', `${path} did not answer with JSON.`, {}, { cause })
  }
}
