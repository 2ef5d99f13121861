// One request, and what its answer means. Only 200 with a receipt for each event is an acknowledgement.
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { ClientError } from '../client/errors.ts'
import { type Fields, parseFields } from '../client/json.ts'
import { readAnswer } from '../client/read-answer.ts'
import type { Fetch } from '../client/transport.ts'
import { withinTime } from '../time/within-time.ts'
import { reasonOf } from './errors.ts'
import type { EventReceipt, ProblemCode } from './types.ts'

export interface Receipt extends EventReceipt {
  readonly id: string
  readonly quarantine?: { readonly code: string; readonly message: string }
}

export type Outcome =
  | { readonly kind: 'acknowledged'; readonly receipts: readonly Receipt[] }
  /** 413: fewer events in one request may do. */
  | { readonly kind: 'too_large'; readonly message: string }
  /** Worth another try soon; `after` is what the log asks for, in milliseconds. */
  | { readonly kind: 'retry'; readonly problem: Fault; readonly after?: number | undefined }
  /** Somebody has to do something about it. */
  | { readonly kind: 'refused'; readonly problem: Fault }

export interface Fault {
  readonly code: ProblemCode
  readonly message: string
  readonly evidence: Readonly<Record<string, unknown>>
}

export interface PostOptions {
  /** Address that events are sent to. */
  readonly url: string
  readonly key: string
  readonly fetch: Fetch
  readonly timeout: number
  readonly signal: AbortSignal
}

/** Bodies up to this many bytes are not worth compressing. */
const PLAIN_BYTES = 1_024
const PROBLEM_LIMIT = 65_536
/** Bytes of the answer for one event at most: a receipt with its quarantine message. */
const RECEIPT_LIMIT = 4_096
const LONGEST_RETRY_AFTER = 3_600_000

/** `{"id":` and 256 characters, escaped. */
const ID_BYTES = 2_048

const compress = promisify(gzip)

/** @param payloads JSON of one event each, without line breaks */
export async function postBatch(payloads: readonly Uint8Array[], options: PostOptions): Promise<Outcome> {
  const { url } = options
  try {
    const { status, headers, body } = await send(payloads, options)
    if (status === 200) return receiptsOf(body, payloads, url)
    return failureOf(status, headers, body, url)
  } catch (error) {
    if (error instanceof ClientError) return badAnswer(error.message)
    const message = `${url} cannot be reached: ${networkReason(error)}`
    return { kind: 'retry', problem: { code: 'unreachable', message, evidence: {} } }
  }
}

async function send(
  payloads: readonly Uint8Array[],
  options: PostOptions,
): Promise<{ status: number; headers: Headers; body: Uint8Array }> {
  const lines = Buffer.concat(payloads.flatMap((payload) => [payload, NEWLINE]))
  const zipped = lines.length > PLAIN_BYTES
  const { fetch } = options // a plain function, not a method of the options
  const body = zipped ? await compress(lines, { level: 3 }) : lines
  return withinTime(options.timeout, [options.signal], async (signal) => {
    const response = await fetch(options.url, {
      method: 'POST',
      // A redirected POST may become a GET, and a key belongs to the address that it was configured for.
      redirect: 'manual',
      headers: {
        authorization: `Bearer ${options.key}`,
        'content-type': 'application/x-ndjson',
        ...(zipped ? { 'content-encoding': 'gzip' } : {}),
      },
      body,
      signal,
    })
    const { status, headers } = response
    const limit = PROBLEM_LIMIT + (status === 200 ? payloads.length * RECEIPT_LIMIT : 0)
    return { status, headers, body: await readAnswer(response, limit, options.url) }
  })
}

const NEWLINE = Buffer.from('\n')

function receiptsOf(body: Uint8Array, payloads: readonly Uint8Array[], url: string): Outcome {
  try {
    const receipts = parseFields(body, `POST ${url}`).objects('receipts').map(receiptOf)
    if (receipts.length !== payloads.length) {
      return badAnswer(`${url} answered 200 with ${receipts.length} receipts for ${payloads.length} events.`)
    }
    const ours = receipts.map((receipt, i) => ({ ...receipt, id: idOf(payloads[i]) }))
    // What could not be read as an event has an id of the log's making.
    const strange = receipts.findIndex(({ id, quarantine }, i) => !quarantine && id !== ours[i]?.id)
    if (strange < 0) return { kind: 'acknowledged', receipts: ours }
    return badAnswer(`${url} acknowledged another event than the one sent (receipt ${strange}).`)
  } catch (error) {
    if (error instanceof ClientError) return badAnswer(error.message)
    throw error
  }
}

/** The id stands first: see prepareEvent. */
function idOf(payload: Uint8Array = new Uint8Array()): string {
  const quoted = /^\{"id":("(?:[^"\\]|\\.)*")/.exec(Buffer.from(payload).toString('utf8', 0, ID_BYTES))?.[1]
  return quoted === undefined ? '' : String(JSON.parse(quoted))
}

function receiptOf(fields: Fields): Receipt {
  const quarantine = fields.has('quarantine') ? fields.object('quarantine') : undefined
  return {
    id: fields.text('id'),
    index: fields.size('index'),
    leafHash: fields.hash('leaf_hash'),
    duplicate: fields.flag('duplicate'),
    flags: fields.has('flags') ? fields.texts('flags') : [],
    ...(quarantine
      ? { quarantine: { code: quarantine.text('code'), message: quarantine.text('message') } }
      : {}),
  }
}

function failureOf(status: number, headers: Headers, body: Uint8Array, url: string): Outcome {
  const message = `${url} answered ${status}${detailOf(body)}`
  if (status === 413) return { kind: 'too_large', message }
  if (status === 408 || status === 429 || status >= 500) {
    const after = retryAfterOf(headers.get('retry-after'))
    return { kind: 'retry', problem: { code: 'unavailable', message, evidence: { status } }, after }
  }
  // Another 2xx does not say that anything is committed: a proxy or another service answers here.
  if (status < 300) return badAnswer(`${message}: only 200 with receipts is an acknowledgement.`, { status })
  return {
    kind: 'refused',
    problem: { code: 'refused', message: `${message}${adviceFor(status)}`, evidence: { status } },
  }
}

function adviceFor(status: number): string {
  if (status === 401) return '. The key is not valid any more: give the sender another one. Nothing is lost.'
  if (status === 403) return '. The key lacks events:append for this log. Nothing is lost.'
  if (status === 404) return '. Check the address of the log. Nothing is lost.'
  if (status < 400) return '. It redirects: give the sender the address behind it. Nothing is lost.'
  return '. Nothing is lost.'
}

function badAnswer(message: string, evidence = {}): Outcome {
  return { kind: 'retry', problem: { code: 'bad_answer', message, evidence } }
}

/** The stable code of a problem document; its text may say what was sent, so it is not repeated. */
function detailOf(body: Uint8Array): string {
  try {
    const fields = parseFields(body, '')
    return fields.has('code') ? ` (${fields.text('code').slice(0, 64)})` : ''
  } catch {
    return '' // no problem document: the status says all there is
  }
}

/** Seconds, or a date; an hour at most. */
function retryAfterOf(text: string | null): number | undefined {
  if (text === null) return undefined
  const ms = /^[0-9]{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER) : undefined
}

/** fetch() says only "fetch failed"; what happened stands in the cause. */
function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message
  return cause instanceof Error && cause.message !== '' ? cause.message : reasonOf(error)
}
