import type { Command } from 'commander'
import type { Row } from '../bench/stats.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './numbers.ts'

type Options = { seconds?: number; rounds?: number; growth?: number; searched?: number; json?: boolean }

export function addBench(program: Command, io: Io): void {
  program
    .command('bench [row...]')
    .description(
      'measure this machine on a Postgres of its own; only the rows whose name begins so, if any are named',
    )
    .option('--seconds <n>', 'length of each HTTP measurement', wholeNumber(1, 3_600))
    .option('--rounds <n>', 'times that each figure is measured', wholeNumber(1, 100))
    .option('--growth <entries>', 'entries of the growth row; 0 leaves it out', wholeNumber(0, 1_000_000_000))
    .option(
      '--searched <events>',
      'events of the log that is searched; 0 leaves search.query out',
      wholeNumber(0, 1_000_000_000),
    )
    .option('--json', 'print one JSON object a row')
    .action((rows: string[], options: Options) => bench(rows, options, io))
}

async function bench(only: readonly string[], { json, ...given }: Options, io: Io): Promise<void> {
  // Loaded when it is asked for: it brings a server and a load generator.
  const { BENCH_DEFAULTS, ROW_NAMES, runBench } = await import('../bench/bench.ts')
  const { tableLine } = await import('../bench/stats.ts')
  const unknown = only.find((prefix) => !ROW_NAMES.some((name) => name.startsWith(prefix)))
  if (unknown !== undefined)
    throw new UsageError(`no row begins with ${JSON.stringify(unknown)}; there are: ${ROW_NAMES.join(', ')}`)
  if (only.includes('append.growth') && !given.growth)
    throw new UsageError('append.growth needs --growth: the number of entries')
  if (only.includes('search.query') && !given.searched)
    throw new UsageError('search.query needs --searched: the number of events')
  let printing = Promise.resolve()
  const onRow = (row: Row): void => {
    const line = json ? JSON.stringify(row) : tableLine(row)
    printing = printing.then(() => io.out(`${line}\n`))
  }
  await runBench({ ...BENCH_DEFAULTS, ...given, only, tell: (text) => io.err(`${text}\n`), onRow })
  await printing
}
