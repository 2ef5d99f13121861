import { createReadStream } from 'node:fs'
import type { Command } from 'commander'
import { ClientError } from '../client/index.ts'
import { type Fields, parseFields } from '../client/json.ts'
import { createTransport, type Transport } from '../client/transport.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './numbers.ts'
import { printable, printableJson } from './printable.ts'
import { createProgress } from './progress.ts'
import { readLines } from './read-lines.ts'
import { logTarget, type LogOptions, withLog } from './target.ts'

type Options = LogOptions & { json?: boolean; batch: number; wait?: boolean }

/** A server that restarts must not end a long run. */
const RETRIES = 8
/** A file in another format must not flood the terminal. */
const NAMED_AT_MOST = 10
const ANSWER_LIMIT = 16_000_000
const DEFAULT_BATCH = 500
/** Bytes of one line: more than the server takes of one event, so that it says so itself. */
const LINE_BYTES = 4 * 1_048_576
/** Bytes of one request. */
const BATCH_BYTES = 4 * 1_048_576

export function addEventSend(event: Command, io: Io): void {
  withLog(event.command('send [file...]'))
    .description(
      'send events, one JSON object a line, from files or standard input (-). Give each an id: one that is sent again is stored once. A line that is no event is kept as it came, for ever, and makes the exit code 1',
    )
    .option('--wait', 'wait until a checkpoint covers them')
    .option('--batch <n>', 'events of one request', wholeNumber(1, 8_192), DEFAULT_BATCH)
    .option('--json', 'print a receipt a line')
    .action((files: string[], options: Options) => sendEvents(files.length > 0 ? files : ['-'], options, io))
}

async function sendEvents(files: readonly string[], options: Options, io: Io): Promise<void> {
  const transport = createTransport({ ...(await logTarget(options, io)), retries: RETRIES })
  const progress = createProgress(io, 'events')
  const tally: Tally = { count: 0, duplicates: 0, quarantined: 0, last: undefined }
  let size: number | undefined
  try {
    for await (const batch of batchesOf(files, options.batch, io)) {
      const answer = await post(transport, batch, options.wait === true)
      if (answer.has('tree_size')) size = answer.size('tree_size')
      for (const receipt of answer.objects('receipts')) {
        tally.count++
        if (receipt.flag('duplicate')) tally.duplicates++
        if (receipt.has('quarantine')) {
          tally.quarantined++
          if (tally.quarantined <= NAMED_AT_MOST) io.err(`${quarantineOf(receipt, tally.count)}\n`)
        }
        tally.last = receipt.size('index')
        if (options.json) await io.out(`${printableJson(fieldsOf(receipt))}\n`)
      }
      progress.update(tally.count, undefined)
    }
  } finally {
    progress.end()
  }
  if (!options.json) await io.out(summaryOf(tally, size))
  if (tally.quarantined === 0) return
  const others = tally.quarantined - NAMED_AT_MOST
  const count = `${tally.quarantined} of ${tally.count} ${tally.count === 1 ? 'event' : 'events'}`
  const unnamed = others > 0 ? ` (${others} of them not named above; --json names each)` : ''
  throw new ClientError(
    'refused',
    `${count} could not be read, and kept as sent${unnamed}. Send them again in the right form: docs/events.md`,
    { problem: 'quarantined' },
  )
}

interface Tally {
  count: number
  duplicates: number
  quarantined: number
  last: number | undefined
}

function quarantineOf(receipt: Fields, event: number): string {
  const why = receipt.object('quarantine')
  return printable(`event ${event} was kept as it came: ${why.text('message')} (${why.text('code')})`)
}

function summaryOf(tally: Tally, size: number | undefined): string {
  const notes = [
    ...(tally.duplicates > 0 ? [`${tally.duplicates} sent before`] : []),
    ...(tally.quarantined > 0
      ? [`${tally.quarantined} kept as ${tally.quarantined === 1 ? 'it' : 'they'} came`]
      : []),
    ...(tally.last === undefined ? [] : [`last index ${tally.last}`]),
    ...(size === undefined ? [] : [`covered by the checkpoint of size ${size}`]),
  ]
  return `${tally.count} ${tally.count === 1 ? 'event' : 'events'}${notes.map((note) => `, ${note}`).join('')}\n`
}

async function post(transport: Transport, body: Uint8Array, wait: boolean): Promise<Fields> {
  const path = wait ? 'events?wait=published&timeout=60' : 'events'
  const answer = parseFields(
    await transport.request({
      method: 'POST',
      path,
      contentType: 'application/x-ndjson',
      body,
      limit: ANSWER_LIMIT,
    }),
    'POST events',
  )
  if (!answer.has('receipts')) throw new ClientError('bad_answer', 'The log answered without receipts.')
  return answer
}

function fieldsOf(receipt: Fields): object {
  return {
    id: receipt.text('id'),
    index: receipt.size('index'),
    leaf_hash: receipt.text('leaf_hash'),
    duplicate: receipt.flag('duplicate'),
    ...(receipt.has('flags') ? { flags: receipt.texts('flags') } : {}),
    ...(receipt.has('quarantine') ? { quarantine: reasonOf(receipt.object('quarantine')) } : {}),
  }
}

function reasonOf(quarantine: Fields): object {
  return { code: quarantine.text('code'), message: quarantine.text('message') }
}

/** Bodies of NDJSON, with at most so many lines each. */
async function* batchesOf(
  files: readonly string[],
  limit: number,
  io: Io,
): AsyncGenerator<Uint8Array, void, undefined> {
  let lines: Uint8Array[] = []
  let bytes = 0
  const take = (): Uint8Array => {
    const body = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))
    lines = []
    bytes = 0
    return new Uint8Array(body)
  }
  for (const file of files) {
    const stream = file === '-' ? io.stdin : createReadStream(file, { highWaterMark: 1_048_576 })
    for await (const line of readLines(stream, file === '-' ? 'standard input' : file, LINE_BYTES)) {
      if (line.length === 0) continue
      if (lines.length === limit || bytes + line.length > BATCH_BYTES) yield take()
      lines.push(line)
      bytes += line.length
    }
  }
  if (lines.length > 0) yield take()
}
