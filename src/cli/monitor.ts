import { type Command, Option } from 'commander'
import type { ClientError } from '../client/index.ts'
import { createTransport } from '../client/transport.ts'
import { createMonitor, type MonitorOptions, type Round } from '../monitor/monitor.ts'
import { StateError } from '../monitor/state.ts'
import { collect } from './cosigner-options.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { logSource } from './log-source.ts'
import { alone, stateFile } from './monitor-files.ts'
import { createReport, type Report } from './monitor-report.ts'
import { duration } from './numbers.ts'
import { createProgress, type Progress } from './progress.ts'
import { type LogOptions, withLog } from './target.ts'
import { type TrustOptions, withTrust } from './trust.ts'
import { WEBHOOK_SECRET, webhookUrl } from './webhook.ts'

type Options = LogOptions &
  TrustOptions & {
    state?: string
    evidence?: string
    interval: number
    once?: boolean
    maxAge: number
    entries?: boolean
    witness: readonly string[]
    mirror: readonly string[]
    webhook?: string
    keepGoing?: boolean
    json?: boolean
  }

const YEAR = 31_536_000
const AFTER_HELP = `
Exit codes: 1 a violation (its notes are printed, and kept with --evidence), 3 with --once when the log could not be asked.
A witness or mirror that cannot be asked is a warning. ${WEBHOOK_SECRET} signs what the webhook gets (HMAC-SHA256 of the body,
in the header prooflog-signature).`

export function addMonitor(program: Command, io: Io): void {
  withTrust(withLog(program.command('monitor [url]')))
    .description(
      'follow a log (any c2sp.org/tlog-tiles log, by the URL of its prefix) and hold everything against it that its signed heads ' +
        'allow: signatures, quorum, freshness, growth, consistency, and what witnesses and mirrors have seen',
    )
    .option('--state <file>', 'remember here what was verified (in memory); one file for each log')
    .option('--evidence <folder>', 'keep the signed notes of each violation in a new folder in here')
    .addOption(timeOption('--interval <time>', 'pause between rounds', 1, [60_000, '60s']))
    .option('--once', 'one round only')
    .addOption(
      timeOption('--max-age <time>', 'how old the newest signature may be; 0s for any age', 0, [
        900_000,
        '15m',
      ]),
    )
    .option('--entries', 'hash every entry, and compare every tile')
    .option('--witness <url>', 'monitoring prefix of a witness to compare with; may be repeated', collect, [])
    .option(
      '--mirror <url>',
      'monitoring prefix of a mirror, or address of a copy, to compare with; may be repeated',
      collect,
      [],
    )
    .option('--webhook <url>', 'post each violation there, as JSON')
    .option(
      '--keep-going',
      'go on after a violation, which is told when it begins; needs --evidence or --webhook',
    )
    .option('--json', 'print every round as a line of JSON')
    .addHelpText('after', AFTER_HELP)
    .action((url: string | undefined, options: Options) => runMonitor(url, options, io))
}

function timeOption(flags: string, what: string, least: number, [ms, text]: [number, string]): Option {
  return new Option(flags, what).argParser(duration(least, YEAR)).default(ms, text)
}

async function runMonitor(url: string | undefined, options: Options, io: Io): Promise<void> {
  const webhook = options.webhook === undefined ? undefined : webhookUrl(options.webhook)
  if (options.keepGoing && options.evidence === undefined && webhook === undefined) {
    throw new UsageError('--keep-going needs a place for what is found: --evidence or --webhook')
  }
  const stopping = new AbortController()
  const { signal } = stopping
  const { source, policy: given } = await logSource(url, options, io, { fresh: true, signal })
  const policy = await given()
  const progress = createProgress(io, 'entries')
  const report = createReport({ ...options, webhook, url: source.url, policy }, io)
  const monitor: MonitorOptions = {
    source,
    policy,
    ...watchersOf(options, signal, io),
    ...limitsOf(options),
    entries: options.entries === true,
    onProgress: (done, total) => progress.update(done, total),
    pause: (ms) => pause(ms, signal),
  }
  const { state } = options
  const follow = (store?: MonitorOptions['store']): Promise<void> =>
    followLog(createMonitor({ ...monitor, ...(store ? { store } : {}) }), options, {
      report,
      progress,
      stopping,
      io,
    })
  if (state === undefined) return follow()
  await alone(state, () => follow(stateFile(state)))
}

function watchersOf({ witness, mirror }: Options, signal: AbortSignal, { fetch }: Io) {
  const open = (url: string) =>
    createTransport({ url, fetch, signal, fresh: true, retries: 1, timeout: 10_000 })
  return { witnesses: witness.map(open), mirrors: mirror.map(open) }
}

/** Others may be ahead for as long as a head may be old; a round without a next one cannot wait. */
function limitsOf({ maxAge: given, once, state }: Options): Pick<MonitorOptions, 'maxAge' | 'grace'> {
  const maxAge = given === 0 ? Infinity : given
  return { maxAge, grace: once && state === undefined ? 0 : maxAge }
}

interface Following {
  readonly report: Report
  readonly progress: Progress
  readonly stopping: AbortController
  readonly io: Io
}

async function followLog(
  round: () => Promise<Round>,
  { once, keepGoing, interval }: Options,
  { report, progress, stopping, io }: Following,
): Promise<void> {
  const { signal } = stopping
  if (!once) void io.untilStopped().then(() => stopping.abort())
  for (let first = true; ; first = false) {
    const result = await ended(round(), progress, signal)
    if (result === undefined) return
    await report(result)
    const [violation] = result.violations
    if (violation && (once || !keepGoing)) throw violation
    if (result.failure && (once || (first && !mayPass(result.failure)))) throw result.failure
    if (once) return
    await pause(interval, signal)
    if (signal.aborted) return
  }
}

/** The result of a round; undefined when it was told to stop. */
async function ended(
  round: Promise<Round>,
  progress: Progress,
  signal: AbortSignal,
): Promise<Round | undefined> {
  try {
    return await round
  } catch (error) {
    if (signal.aborted) return undefined
    throw error instanceof StateError ? new UsageError(error.message, { cause: error }) : error
  } finally {
    progress.end()
  }
}

/** An address that never worked is a mistake of the command line rather than of the network. */
function mayPass({ code }: ClientError): boolean {
  return code === 'unreachable' || code === 'unavailable'
}

/** Ends early when told to stop. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
