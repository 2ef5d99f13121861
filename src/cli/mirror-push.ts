import type { Command } from 'commander'
import { ClientError } from '../client/index.ts'
import { decodeUtf8, toBase64 } from '../core/bytes.ts'
import { formatNote, parseNote } from '../core/note.ts'
import { MirrorError } from '../mirror/errors.ts'
import type { LogSource } from '../mirror/log-source.ts'
import { type MirrorMemory, type MirrorTarget, type Pushed, pushLog } from '../mirror/push-log.ts'
import { sourceOfUrl } from '../mirror/remote-source.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './numbers.ts'
import { createProgress } from './progress.ts'
import { foreignTarget } from './target.ts'
import { policyFor, type TrustOptions, warnAnnounced, withTrust } from './trust.ts'

type Options = TrustOptions & {
  readonly from: string
  readonly to: string
  readonly mirrorVkey: readonly string[]
  readonly key?: string
  readonly keyFile?: string
  readonly follow?: boolean
  readonly interval: number
  readonly json?: boolean
}

/** Milliseconds for one request: 8,192 entries, stored and signed. */
const TIMEOUT = 120_000
/** Seconds between tries while log or mirror cannot be used, at most. */
const LONGEST_PAUSE = 60

export function addMirrorPush(mirror: Command, io: Io): void {
  withTrust(mirror.command('push'))
    .description(
      'bring a mirror up to the newest checkpoint of a log: any log that serves tiles, any c2sp.org/tlog-mirror; prints the ' +
        'checkpoint with the signatures of the mirror',
    )
    .requiredOption('--from <url>', 'prefix of the log')
    .requiredOption('--to <url>', 'submission prefix of the mirror')
    .requiredOption('--mirror-vkey <vkey...>', 'key of the mirror; one of them must sign')
    .option('--key <key>', 'API key for the entries of the log; prefer --key-file')
    .option('--key-file <file>', 'file that holds the API key')
    .option('--follow', 'go on until it is told to stop (SIGINT, SIGTERM)')
    .option('--interval <seconds>', 'seconds between looks at the log', wholeNumber(1, 86_400), 1)
    .option('--json', 'print the result as JSON, one line for each checkpoint')
    .action((options: Options) => push(options, io))
}

async function push(options: Options, io: Io): Promise<void> {
  const log = await foreignTarget(options.from, options, io)
  const { policy, announced } = await policyFor(log, options)
  if (announced) warnAnnounced(policy, io)
  const source = await sourceOfUrl({ ...log, policy })
  const target = {
    url: options.to,
    vkeys: options.mirrorVkey,
    timeout: TIMEOUT,
    fetch: io.fetch,
  }
  const memory: MirrorMemory = { pending: 0, next: undefined }
  if (options.follow) await follow(source, target, memory, options, io)
  else await pushOnce(source, target, memory, options, io)
}

async function pushOnce(
  source: LogSource,
  target: MirrorTarget,
  memory: MirrorMemory,
  { json = false }: Options,
  io: Io,
): Promise<Pushed> {
  const progress = createProgress(io, 'entries')
  try {
    const pushed = await pushLog(source, target, memory, ({ next, size }) => progress.update(next, size))
    progress.end()
    await io.out(json ? `${JSON.stringify(fieldsOf(source, pushed))}\n` : noteOf(pushed))
    return pushed
  } finally {
    progress.end()
  }
}

async function follow(
  source: LogSource,
  target: MirrorTarget,
  memory: MirrorMemory,
  options: Options,
  io: Io,
): Promise<void> {
  let stopping = false
  let wake = (): void => {}
  void io.untilStopped().then(() => {
    stopping = true
    wake()
  })
  const pause = (seconds: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  let size: number | undefined
  for (let failures = 0; !stopping;) {
    try {
      const newest = await source.checkpoint()
      if (newest.size !== size) size = (await pushOnce(source, target, memory, options, io)).size
      failures = 0
    } catch (error) {
      if (!mayPass(error)) throw error
      failures++
      io.err(`${error.message}: trying again\n`)
    }
    if (!stopping) await pause(failures === 0 ? options.interval : Math.min(2 ** failures, LONGEST_PAUSE))
  }
}

function mayPass(error: unknown): error is Error {
  if (error instanceof MirrorError) return error.code === 'mirror_unavailable'
  return error instanceof ClientError && (error.code === 'unreachable' || error.code === 'unavailable')
}

function noteOf({ note, signatures }: Pushed): string {
  const { text, signatures: own } = parseNote(note)
  return decodeUtf8(formatNote(text, [...own, ...signatures]))
}

function fieldsOf({ origin }: LogSource, pushed: Pushed): object {
  return {
    origin,
    tree_size: pushed.size,
    sha256_root_hash: toBase64(pushed.root),
    checkpoint: noteOf(pushed),
  }
}
