// One request to a mirror: bounded in time and in the size of its answer, and never led elsewhere.
import { concat, decodeUtf8 } from '../core/bytes.ts'
import { withinTime } from '../time/within-time.ts'
import { MirrorError } from './errors.ts'

export interface MirrorAnswer {
  readonly status: number
  readonly contentType: string | null
  readonly body: Uint8Array
}

export interface PostOptions {
  /** Submission prefix, with or without a final slash. */
  readonly url: string
  /** The platform's fetch unless given. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined
  /** Milliseconds for request and answer. */
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
}

/** Ten pairs of signatures; bytes. */
const MAX_ANSWER = 65_536

/** @throws MirrorError `mirror_unavailable`, `invalid_answer` */
export async function post(
  { url, fetch = globalThis.fetch, timeout, signal }: PostOptions,
  path: 'add-checkpoint' | 'add-entries',
  body: Uint8Array | ReadableStream,
  headers: Readonly<Record<string, string>>,
): Promise<MirrorAnswer> {
  const where = `${url.replace(/\/+$/, '')}/${path}`
  try {
    return await withinTime(timeout, signal ? [signal] : [], async (ending) => {
      const response = await fetch(where, {
        method: 'POST',
        headers,
        redirect: 'error',
        signal: ending,
        // A body's type wants to know that the memory is not shared; ours never is.
        body: body as Uint8Array<ArrayBuffer> | ReadableStream,
        ...(body instanceof Uint8Array ? {} : { duplex: 'half' }),
      })
      return {
        status: response.status,
        contentType: response.headers.get('content-type'),
        body: await readAnswer(response, where),
      }
    })
  } catch (cause) {
    if (cause instanceof MirrorError) throw cause
    signal?.throwIfAborted()
    throw new MirrorError(
      'mirror_unavailable',
      `${where} cannot be reached: ${reasonOf(cause)}`,
      {},
      { cause },
    )
  }
}

/** What the mirror said, for a message: one line of text at most. */
export function toldBy({ status, body }: MirrorAnswer): string {
  const text = body.every((byte) => byte >= 0x20 || byte === 0x0a) ? safeText(body).trim().split('\n')[0] : ''
  return text ? `${status}: ${text.slice(0, 200)}` : String(status)
}

async function readAnswer(response: Response, where: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.length
    if (size > MAX_ANSWER)
      throw new MirrorError('invalid_answer', `${where} answered more than ${MAX_ANSWER} bytes`)
    parts.push(part)
  }
  return concat(...parts)
}

function safeText(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes)
  } catch {
    return ''
  }
}

/** fetch says "fetch failed" and means its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}
