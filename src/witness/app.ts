// The HTTP interface of the witness, https://c2sp.org/tlog-witness. Its answers are plain text with the statuses of the protocol.
import { type Context, Hono } from 'hono'
import { ProoflogError } from '../core/errors.ts'
import { readBody } from '../http/body.ts'
import { HttpError } from '../http/errors.ts'
import { LogError } from '../log/errors.ts'
import type { CosignedHeads } from './cosigned-heads.ts'
import type { KnownLogs } from './known-logs.ts'
import type { WitnessMetrics } from './metrics.ts'
import { CORS, plainRoutes, plainText, RETRY_AFTER, TEXT } from './plain-routes.ts'
import { RateLimited, Refusal, REFUSAL_STATUS, SizeConflict } from './refusal.ts'
import { formatSize, SIZE_CONTENT_TYPE } from './wire.ts'

export interface WitnessAppDeps {
  readonly name: string
  readonly vkeys: readonly string[]
  readonly logs: KnownLogs
  readonly heads: CosignedHeads
  readonly addCheckpoint: (body: Uint8Array) => Promise<Uint8Array>
  /** Absent when the witness has no key that signs subtrees. */
  readonly signSubtree: ((body: Uint8Array) => Uint8Array) | undefined
  readonly metrics: WitnessMetrics
  /** What keeps the witness from its work now; empty when nothing does. */
  readonly problems: () => Promise<readonly string[]>
  /** Told of what nobody foresaw. */
  readonly report: (error: unknown) => void
}

/** Largest body: a proof of 63 hashes takes 3 kB, each pair of signatures of a log another 3.4 kB. */
export const MAX_BODY = 128 * 1024

const SIZE = { ...CORS, 'content-type': SIZE_CONTENT_TYPE, 'cache-control': 'no-store' }
/** The newest checkpoint, from the witness itself: a cache in between has to ask. */
const CHECKPOINT = { ...TEXT, 'cache-control': 'no-cache' }

export function createWitnessApp(deps: WitnessAppDeps): Hono {
  const { addCheckpoint, signSubtree, metrics, name, vkeys, logs } = deps
  const app = new Hono()
  const serve = plainRoutes(app, {
    route: (path) => metrics.route(path),
    refused: (error) => refusalResponse(error, deps.report),
  })
  serve('POST', '/add-checkpoint', async (c) => signatures(await addCheckpoint(await bodyOf(c))))
  if (signSubtree) serve('POST', '/sign-subtree', async (c) => signatures(signSubtree(await bodyOf(c))))
  serve('GET', '/', () =>
    Response.json(
      { name, vkeys, logs: logs.count, sign_subtree: signSubtree !== undefined },
      { headers: CORS },
    ),
  )
  serve('GET', '/healthz', () => plainText(200, 'ok'))
  serve('GET', '/readyz', () => readiness(deps))
  serve(
    'GET',
    '/metrics',
    async () => new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } }),
  )
  serve('GET', '/:hash/checkpoint', (c) => newestCheckpoint(deps, c.req.param('hash') ?? ''))
  app.notFound(() => plainText(404, 'Nothing is served here: see c2sp.org/tlog-witness.'))
  return app
}

/** "Monitor Retrieval Mechanism": what was cosigned last, for everybody who compares. */
async function newestCheckpoint({ logs, heads }: WitnessAppDeps, hash: string): Promise<Response> {
  const origin = logs.originOf(hash)
  const head = origin === undefined ? undefined : await heads.read(origin)
  if (head === undefined) return plainText(404, 'Nothing was cosigned for this origin.')
  return new Response(new Uint8Array(head.note), { headers: CHECKPOINT })
}

async function readiness({ problems }: WitnessAppDeps): Promise<Response> {
  const found = await problems()
  return found.length === 0 ? plainText(200, 'ready') : plainText(503, found.join('\n'), RETRY_AFTER)
}

async function bodyOf(c: Context): Promise<Uint8Array> {
  return readBody(c, MAX_BODY, 'body_too_large')
}

function signatures(lines: Uint8Array): Response {
  return new Response(new Uint8Array(lines), { headers: TEXT })
}

/**
 * The answer to what a handler threw; the tables of the protocol know no 500, and a sender comes again after a 503.
 * @param report told of errors that are not refusals, and of refusals that are ours to mend
 */
export function refusalResponse(error: unknown, report: (error: unknown) => void): Response {
  if (error instanceof SizeConflict)
    return new Response(formatSize(error.size), { status: 409, headers: SIZE })
  if (error instanceof RateLimited)
    return plainText(429, error.message, { 'retry-after': String(error.retryAfter) })
  if (error instanceof Refusal && error.code !== 'not_available')
    return plainText(REFUSAL_STATUS[error.code], error.message)
  if (error instanceof HttpError) return plainText(httpStatus(error), error.message)
  if (!(error instanceof LogError)) report(error) // a LogError: too many bodies at once
  const told = error instanceof ProoflogError ? error.message : 'An unforeseen fault: try again.'
  return plainText(503, told, RETRY_AFTER)
}

/** What reading a body refuses. */
function httpStatus({ code }: HttpError): number {
  return code === 'body_too_large' ? 413 : code === 'unsupported_media_type' ? 415 : 400
}
