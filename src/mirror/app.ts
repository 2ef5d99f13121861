// The HTTP interface of the mirror, https://c2sp.org/tlog-mirror: submission prefix and monitoring prefix are one. Its answers
// are plain text with the statuses of the protocol.
import { type Context, Hono } from 'hono'
import { FormatError } from '../core/errors.ts'
import { formatSignatures } from '../core/note.ts'
import { bodyCharge } from '../http/body-budget.ts'
import { readBody } from '../http/body.ts'
import { LogError } from '../log/errors.ts'
import { MAX_BODY, refusalResponse } from '../witness/app.ts'
import { CORS, plainRoutes, plainText, RETRY_AFTER, TEXT } from '../witness/plain-routes.ts'
import type { CopyState } from './copy-states.ts'
import { MirrorError, type MirrorErrorCode } from './errors.ts'
import type { MirrorMetrics } from './metrics.ts'
import type { Mirror } from './mirror.ts'
import { getCheckpoint, getTile, type ServeCopyDeps } from './serve-copy.ts'
import { openUpload } from './upload-body.ts'
import { formatMirrorInfo, INFO_CONTENT_TYPE } from './wire.ts'

export interface MirrorAppDeps extends ServeCopyDeps {
  readonly name: string
  readonly vkeys: readonly string[]
  readonly mirror: Mirror
  readonly metrics: MirrorMetrics
  /** How far each copy is. */
  readonly states: () => Promise<readonly CopyState[]>
  /** What a check of the stored copies found wrong. */
  readonly concerns?: () => readonly string[]
  /** Told of what nobody foresaw, and of what an operator has to mend. */
  readonly report: (error: unknown) => void
  /** Milliseconds for one upload; what came until then is kept, and the client told to go on. */
  readonly uploadLimit?: number
}

/** Five minutes, as others have it. */
const UPLOAD_LIMIT = 300_000
const INFO = { ...CORS, 'content-type': INFO_CONTENT_TYPE, 'cache-control': 'no-store' }
/** c2sp.org/tlog-mirror: "mirrors SHOULD send an Accept-Encoding header". */
const ACCEPT = { 'accept-encoding': 'gzip' }

const STATUS: Readonly<Partial<Record<MirrorErrorCode, 400 | 404 | 422>>> = {
  invalid_request: 400,
  unknown_log: 404,
  nothing_pending: 422,
  proof_refused: 422,
}
/** What a copy does not have is not there (yet): clients of tiles go by 404 alone. */
const NOT_THERE: readonly string[] = ['log_not_found', 'not_published', 'tile_not_found', 'invalid_tile_path']

export function createMirrorApp(deps: MirrorAppDeps): Hono {
  const { mirror, metrics, name, vkeys, report } = deps
  const app = new Hono()
  const serve = plainRoutes(app, {
    route: (path) => metrics.route(path),
    refused: (error) => refused(error, report),
  })
  const body = (c: Context): Promise<Uint8Array> => readBody(c, MAX_BODY, 'body_too_large')
  serve('POST', '/add-checkpoint', async (c) => lines(await mirror.addCheckpoint(await body(c))))
  serve('POST', '/sign-subtree', async (c) => lines(mirror.signSubtree(await body(c))))
  serve('POST', '/add-entries', async (c) => {
    const response = await postEntries(c, deps).catch((error: unknown) => refused(error, report))
    for (const [header, value] of Object.entries(ACCEPT)) response.headers.set(header, value)
    return response
  })
  serve('GET', '/', () => Response.json({ name, vkeys }, { headers: CORS }))
  serve('GET', '/healthz', () => plainText(200, 'ok'))
  serve('GET', '/readyz', () => readiness(deps))
  serve('GET', '/metrics', async () => {
    const text = await metrics.text(await deps.states())
    return new Response(text, { headers: { 'content-type': metrics.contentType } })
  })
  serve('GET', '/:hash/checkpoint', (c) => getCheckpoint(c, deps))
  serve('GET', '/:hash/tile/:path{.+}', (c) => getTile(c, deps))
  app.notFound(() => plainText(404, 'Nothing is served here: see c2sp.org/tlog-mirror.'))
  return app
}

async function postEntries(c: Context, { mirror, uploadLimit }: MirrorAppDeps): Promise<Response> {
  const upload = openUpload(c, AbortSignal.timeout(uploadLimit ?? UPLOAD_LIMIT))
  const charge = bodyCharge()
  try {
    const outcome = await mirror.addEntries(upload.reader, charge.raise)
    if (outcome.kind === 'complete') return lines(formatSignatures(outcome.signatures))
    const status = outcome.kind === 'partial' ? 202 : 409
    return new Response(formatMirrorInfo(outcome.info), { status, headers: INFO })
  } finally {
    charge.release()
    upload.close()
  }
}

/** How far behind each copy is; 503 with the reasons when one cannot be signed. */
async function readiness({ mirror, states, concerns = () => [] }: MirrorAppDeps): Promise<Response> {
  const problems = [
    ...[...mirror.problems].map(([origin, message]) => ({ origin, message })),
    ...concerns().map((message) => ({ origin: null, message })),
  ]
  try {
    const copies = await states()
    const status = problems.length === 0 ? 200 : 503
    const logs = copies.map(({ origin, pending, next, mirrored, signedAt }) => ({
      origin,
      pending,
      next,
      mirrored,
      behind: pending - (mirrored ?? 0),
      signed_at: signedAt === null ? null : new Date(signedAt).toISOString(),
    }))
    const headers = status === 503 ? { ...CORS, ...RETRY_AFTER } : CORS
    return Response.json(
      { status: status === 200 ? 'ready' : 'not ready', logs, problems },
      { status, headers },
    )
  } catch {
    return plainText(503, 'the database does not answer', RETRY_AFTER)
  }
}

function refused(error: unknown, report: (error: unknown) => void): Response {
  const code = error instanceof LogError || error instanceof FormatError ? error.code : undefined
  if (code !== undefined && NOT_THERE.includes(code))
    return plainText(404, 'There is nothing of this name (yet).')
  if (error instanceof MirrorError) return plainText(STATUS[error.code] ?? 400, error.message)
  if (error instanceof LogError && error.code !== 'queue_full') report(error)
  return refusalResponse(error, report)
}

function lines(signatures: Uint8Array): Response {
  return new Response(new Uint8Array(signatures), { headers: TEXT })
}
