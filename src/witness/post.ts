// One HTTP request to a witness: no redirects, a bounded answer.

export interface WitnessAnswer {
  readonly status: number
  /** In lower case, without parameters. */
  readonly contentType: string
  readonly body: Uint8Array
  /** Milliseconds, when it asks to be left alone for so long. */
  readonly retryAfter: number | undefined
}

/** Two lines of ML-DSA-44 have 7 kB. */
const MAX_ANSWER = 65_536

/** @throws Error when there is no answer: the network's, or AbortError; RangeError for one that is too long */
export async function post(url: string, body: Uint8Array, signal: AbortSignal): Promise<WitnessAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    redirect: 'manual',
    signal,
  })
  const after = response.headers.get('retry-after')
  return {
    status: response.status,
    contentType: (response.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '',
    body: await readBounded(response),
    retryAfter: after !== null && /^[0-9]{1,6}$/.test(after) ? Number(after) * 1000 : undefined,
  }
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = response.body?.getReader()
  while (reader) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    if (size > MAX_ANSWER) {
      await reader.cancel()
      throw new RangeError(`the answer has more than ${MAX_ANSWER} bytes`)
    }
    chunks.push(value)
  }
  return Buffer.concat(chunks)
}
