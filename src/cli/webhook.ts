// Tells another service of something, as JSON: bounded tries, and a signature by which it knows who tells.
import { createHmac } from 'node:crypto'
import { encodeUtf8 } from '../core/bytes.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'

/** Environment variable with the secret of the signature; nothing is signed without. */
export const WEBHOOK_SECRET = 'PROOFLOG_WEBHOOK_SECRET'

const TIMEOUT = 10_000
/** Milliseconds before each try. */
const PAUSES = [0, 1_000, 5_000]

/** Posts `value`; whether somebody took it (any 2xx status). What went wrong is told to `io`. */
export async function callWebhook(url: string, value: object, io: Io): Promise<boolean> {
  const body = encodeUtf8(JSON.stringify(value))
  const secret = io.env[WEBHOOK_SECRET]
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (secret)
    headers['prooflog-signature'] = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  let failed = ''
  for (const pause of PAUSES) {
    await new Promise((resolve) => {
      setTimeout(resolve, pause)
    })
    failed = await postOnce(url, { method: 'POST', headers, body: new Uint8Array(body) }, io)
    if (failed === '') return true
  }
  io.err(`warning: the webhook was not taken: ${failed}\n`)
  return false
}

/** Empty when it was taken. */
async function postOnce(url: string, init: RequestInit, { fetch: send = fetch }: Io): Promise<string> {
  try {
    const response = await send(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT) })
    await response.body?.cancel()
    return response.ok ? '' : `it answered ${response.status}`
  } catch (error) {
    return reasonOf(error)
  }
}

/** @throws UsageError unless it is an http(s) address */
export function webhookUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new UsageError(`${JSON.stringify(text)} is not an http(s) address`)
}

/** fetch() says only "fetch failed"; what happened stands in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}
