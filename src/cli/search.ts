import type { Command } from 'commander'
import type { Fields } from '../client/json.ts'
import type { Io } from './io.ts'
import { createProgress } from './progress.ts'
import { requestJson } from './server.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'

type Options = LogOptions & { json?: boolean; wait?: boolean }

const POLL_MS = 500

export function addSearch(program: Command, io: Io): void {
  const search = program.command('search').description('how far the search of a log is; make it anew')
  withLog(search.command('status'))
    .description('how far the search is')
    .option('--json', 'print the result as JSON')
    .action(async (options: Options) =>
      show(await requestJson(await logTarget(options, io), { path: 'search' }), options, io),
    )
  withLog(search.command('rebuild'))
    .description('throw away what the search holds and make it anew from the log')
    .option('--wait', 'until it is done')
    .option('--json', 'print the result as JSON')
    .action((options: Options) => rebuild(options, io))
}

async function rebuild(options: Options, io: Io): Promise<void> {
  const target = await logTarget(options, io)
  let state = await requestJson(target, { method: 'POST', path: 'search/rebuild' })
  const progress = createProgress(io, 'entries')
  const goal = state.size('published')
  while (options.wait === true && state.size('indexed') < goal) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    state = await requestJson(target, { path: 'search' })
    progress.update(state.size('indexed'), goal)
  }
  progress.end()
  await show(state, options, io)
}

async function show(state: Fields, { json }: Options, io: Io): Promise<void> {
  const [indexed, published] = [state.size('indexed'), state.size('published')]
  const rebuilding = state.flag('rebuilding')
  if (json) return io.out(`${JSON.stringify({ indexed, published, rebuilding })}\n`)
  await io.out(
    `${indexed} of ${published} published entries are indexed${rebuilding ? ' (it is being made anew)' : ''}\n`,
  )
}
