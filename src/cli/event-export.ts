import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { open, stat, unlink } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { ClientError } from '../client/index.ts'
import { filtersGiven, type FilterOptions, withFilters } from './event-search.ts'
import type { Io } from './io.ts'
import { createProgress } from './progress.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'

type Options = LogOptions &
  FilterOptions & { format: string; reveal?: boolean; output: string; json?: boolean }

export function addEventExport(event: Command, io: Io): void {
  withFilters(withLog(event.command('export')))
    .description('export events that match, newest first; two custody entries in the log say who took what')
    .addOption(
      new Option('--format <format>', 'of the export').choices(['ndjson', 'csv', 'ocsf']).default('ndjson'),
    )
    .option('--reveal', 'with personal fields (needs a key that may)')
    .option('-o, --output <file>', 'where to write it, - for standard output', '-')
    .option('--json', 'print the result as JSON, on standard error when the export is on standard output')
    .action((options: Options) => exportEvents(options, io))
}

async function exportEvents(options: Options, io: Io): Promise<void> {
  const target = await logTarget(options, io)
  const filters: Record<string, string | string[]> = {}
  for (const [name, value] of filtersGiven(options)) {
    const known = filters[name]
    filters[name] =
      name === 'action' || name === 'source' ? [...(Array.isArray(known) ? known : []), value] : value
  }
  const body = { format: options.format, ...(options.reveal === true ? { reveal: true } : {}), ...filters }
  if (options.output !== '-') await checkFile(options.output)
  const response = await request(`${target.url}/exports`, target.key, body, io)
  const custody = response.headers.get('prooflog-custody-index')
  const sink = options.output === '-' ? { write: io.out, end: async () => {} } : fileSink(options.output)
  const progress = createProgress(io, 'bytes')
  let bytes = 0
  try {
    for await (const chunk of chunksOf(response)) {
      bytes += chunk.length
      progress.update(bytes, undefined)
      await sink.write(chunk)
    }
    await sink.end()
  } finally {
    progress.end()
  }
  const result = { bytes, custody_index: custody === null ? null : Number(custody), file: options.output }
  const told = options.json
    ? `${JSON.stringify(result)}\n`
    : `${bytes} bytes; custody entry ${custody ?? 'unknown'}\n`
  if (options.output === '-') io.err(told)
  else await io.out(told)
}

/** What the log sends; that a file cannot be written is another failure. */
async function* chunksOf(response: Response): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* response.body ?? []
  } catch (cause) {
    throw new ClientError(
      'unavailable',
      'The export broke off: what was written is not complete; run it again.',
      {},
      { cause },
    )
  }
}

interface Sink {
  write(chunk: Uint8Array): Promise<void>
  end(): Promise<void>
}

/** That a file can be written is known before anything is exported, and the log says so; what it holds stays until then. */
async function checkFile(path: string): Promise<void> {
  const known = await stat(path).catch(() => undefined)
  if (known !== undefined && !known.isFile() && !known.isDirectory()) return // a pipe is opened once
  await (await open(path, 'a')).close()
  if (known === undefined) await unlink(path)
}

function fileSink(path: string): Sink {
  const file = createWriteStream(path)
  const failed = once(file, 'error').then(([error]) => Promise.reject(error))
  failed.catch(() => {})
  return {
    async write(chunk) {
      if (!file.write(chunk)) await Promise.race([once(file, 'drain'), failed])
    },
    async end() {
      file.end()
      await Promise.race([once(file, 'finish'), failed])
    },
  }
}

async function request(url: string, key: string | undefined, body: object, io: Io): Promise<Response> {
  const send = io.fetch ?? fetch
  let response: Response
  try {
    response = await send(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify(body),
    })
  } catch (cause) {
    const why = cause instanceof Error && cause.cause instanceof Error ? `: ${cause.cause.message}` : ''
    throw new ClientError('unreachable', `${url} cannot be reached${why}`, {}, { cause })
  }
  if (response.status === 200) return response
  const problem: unknown = await response.json().catch(() => undefined)
  const detail =
    typeof problem === 'object' && problem !== null && 'detail' in problem ? String(problem.detail) : ''
  const code =
    typeof problem === 'object' && problem !== null && 'code' in problem ? String(problem.code) : undefined
  const kind =
    response.status >= 500 || response.status === 429
      ? 'unavailable'
      : response.status === 404
        ? 'not_found'
        : 'refused'
  throw new ClientError(kind, `${url} answered ${response.status}: ${detail}`, {
    status: response.status,
    ...(code === undefined ? {} : { problem: code }),
  })
}
