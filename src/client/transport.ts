// HTTP to one address: bounded answers, one closed list of errors, retries of what may pass (503, 429, 5xx, network).
// Everything that is retried is idempotent: reads, and appends, which deduplication answers with the first index.
import { decodeUtf8 } from '../core/bytes.ts'
import { withinTime } from '../time/within-time.ts'
import { ClientError } from './errors.ts'
import { readAnswer } from './read-answer.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export type TransportOptions = {
  /** Prefix of every path, with or without a final slash. */
  readonly url: string
  /** API key, sent as a bearer token. */
  readonly key?: string | undefined
  /** The platform's fetch unless given. */
  readonly fetch?: Fetch | undefined
  /** How often a request is repeated before the error is thrown; 5 unless given. */
  readonly retries?: number | undefined
  /** Milliseconds until an unanswered request counts as failed; 30,000 unless given. */
  readonly timeout?: number | undefined
  /** Ends every request and every pause. */
  readonly signal?: AbortSignal | undefined
  /** Ask past every cache on the way, the server's own too (fetch's `no-store` sends Cache-Control: no-cache). */
  readonly fresh?: boolean | undefined
  /** Waits for milliseconds; timers unless given. */
  readonly pause?: ((ms: number) => Promise<void>) | undefined
}

export type ClientRequest = {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  /** Below the prefix, without a leading slash. */
  readonly path: string
  readonly body?: Uint8Array
  readonly contentType?: string
  /** Bytes of the largest answer that is read. */
  readonly limit: number
  /** False for what must not happen twice. */
  readonly retry?: boolean
}

export interface Transport {
  /** The prefix, without a final slash. */
  readonly url: string
  /**
   * Body of the answer, if its status is 200 or 201.
   * @throws ClientError `unreachable`, `unavailable`, `not_found`, `refused`, `bad_answer`
   */
  request(request: ClientRequest): Promise<Uint8Array>
}

const FIRST_PAUSE = 200
const LONGEST_PAUSE = 5_000
const LONGEST_RETRY_AFTER = 60_000
const PROBLEM_LIMIT = 65_536

/** @throws ClientError `invalid_url` */
export function createTransport(options: TransportOptions): Transport {
  const url = checkUrl(options.url)
  const { retries = 5, pause = pauseFor } = options
  return {
    url,
    async request(request) {
      for (let attempt = 0; ; attempt++) {
        const outcome = await tryOnce(url, request, options)
        if (outcome.bytes) return outcome.bytes
        options.signal?.throwIfAborted()
        if (!outcome.passing || request.retry === false || attempt >= retries) throw outcome.error
        await pause(outcome.retryAfter ?? backoff(attempt))
      }
    },
  }
}

type Outcome = {
  readonly bytes?: Uint8Array
  readonly error?: ClientError
  /** Whether another try may succeed. */
  readonly passing?: boolean
  readonly retryAfter?: number | undefined
}

async function tryOnce(url: string, request: ClientRequest, options: TransportOptions): Promise<Outcome> {
  const where = `${url}/${request.path}`
  const { timeout = 30_000, signal } = options
  let answer: { response: Response; body: Uint8Array }
  try {
    answer = await withinTime(timeout, signal ? [signal] : [], async (ending) => {
      const response = await send(where, request, options, ending)
      const good = response.status === 200 || response.status === 201
      return { response, body: await readAnswer(response, good ? request.limit : PROBLEM_LIMIT, where) }
    })
  } catch (cause) {
    if (cause instanceof ClientError) return { error: cause }
    const error = new ClientError(
      'unreachable',
      `${where} cannot be reached: ${reasonOf(cause)}`,
      {},
      { cause },
    )
    return { error, passing: true }
  }
  const { response, body } = answer
  if (response.status === 200 || response.status === 201) return { bytes: body }
  return failure(response, body, where)
}

function send(
  where: string,
  request: ClientRequest,
  { fetch = globalFetch, key, fresh }: TransportOptions,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = {}
  if (key !== undefined) headers['authorization'] = `Bearer ${key}`
  if (request.contentType !== undefined) headers['content-type'] = request.contentType
  return fetch(where, {
    method: request.method ?? 'GET',
    headers,
    ...(fresh ? { cache: 'no-store' as const } : {}),
    signal,
    // A Response's type wants to know that the memory is not shared; ours never is.
    ...(request.body ? { body: request.body as Uint8Array<ArrayBuffer> } : {}),
  })
}

// Called as a plain function: browsers refuse a fetch that is called as a method of another object.
function globalFetch(url: string, init: RequestInit): Promise<Response> {
  return fetch(url, init)
}

function failure(response: Response, body: Uint8Array, where: string): Outcome {
  const { status } = response
  const problem = problemOf(body)
  const message = `${where} answered ${status}${problem.detail ? `: ${problem.detail}` : ''}`
  const evidence = { status, ...(problem.code ? { problem: problem.code } : {}) }
  if (status === 404) return { error: new ClientError('not_found', message, evidence) }
  // 5xx other than 503 come from proxies: nothing of ours answers so.
  if (status === 429 || status >= 500) {
    const error = new ClientError('unavailable', message, evidence)
    return { error, passing: true, retryAfter: retryAfterOf(response) }
  }
  return { error: new ClientError('refused', message, evidence) }
}

function problemOf(body: Uint8Array): { code?: string; detail?: string } {
  try {
    const value: unknown = JSON.parse(decodeUtf8(body))
    if (typeof value !== 'object' || value === null) return {}
    const code = 'code' in value && typeof value.code === 'string' ? value.code : undefined
    const detail = 'detail' in value && typeof value.detail === 'string' ? value.detail : undefined
    return { ...(code === undefined ? {} : { code }), ...(detail === undefined ? {} : { detail }) }
  } catch {
    return {} // not a problem document: the status says all there is
  }
}

function retryAfterOf(response: Response): number | undefined {
  const text = response.headers.get('retry-after')
  return text !== null && /^[0-9]{1,6}$/.test(text)
    ? Math.min(Number(text) * 1000, LONGEST_RETRY_AFTER)
    : undefined
}

/** Doubles from attempt to attempt; the random half keeps clients that failed together from coming back together. */
function backoff(attempt: number): number {
  return Math.min(FIRST_PAUSE * 2 ** attempt, LONGEST_PAUSE) * (0.5 + Math.random() / 2)
}

function pauseFor(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** fetch() says only "fetch failed"; what happened stands in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') {
    return url.href.replace(/\/+$/, '')
  }
  throw new ClientError('invalid_url', `${JSON.stringify(text)} is not the http(s) address of a log.`)
}
