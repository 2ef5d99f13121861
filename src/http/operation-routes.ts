// For whoever runs the service: is it alive, is it well, how is it doing.
import type { Context } from 'hono'
import type { Logs } from '../log/types.ts'
import { describeWitness } from './describe-witness.ts'
import { HttpError } from './errors.ts'
import type { Metrics } from './metrics.ts'
import type { MirrorReport } from './mirror-metrics.ts'
import { headersFor, json } from './respond.ts'
import type { Route } from './route.ts'
import { health, readiness, text } from './schemas.ts'

export interface OperationDeps {
  readonly logs: Logs
  readonly metrics: Metrics
  readonly database: {
    /** Rejects when the database does not answer a trivial query. */
    ping(): Promise<unknown>
  }
  /** What is wrong with the database and concerns no log. */
  readonly concerns?: () => readonly string[]
  /** How the mirrors of the logs do. */
  readonly mirrors?: () => readonly MirrorReport[]
  /** Aborted as soon as the process is asked to stop. */
  readonly stopping: AbortSignal
}

interface Fault {
  readonly log: string | null
  readonly code: string
  readonly message: string
}

/** A probe must not hang with what it probes; milliseconds. */
const PING_LIMIT = 2_000

export function operationRoutes(deps: OperationDeps): Route[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      handle: () => json({ status: 'ok' }),
      doc: { tag: 'operation', summary: 'The process is alive', answers: { 'application/json': health } },
    },
    {
      method: 'GET',
      path: '/readyz',
      handle: () => getReadiness(deps),
      doc: {
        tag: 'operation',
        summary: 'The service is ready',
        description:
          'The database answers and the newest checkpoint of every log verifies and is fresh. Otherwise 503 with `problems`, each naming log and reason.',
        answers: { 'application/json': readiness },
        problems: ['not_ready'],
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      handle: (c) => getMetrics(c, deps.metrics),
      doc: {
        tag: 'operation',
        summary: 'Prometheus metrics',
        answers: { 'text/plain; version=0.0.4; charset=utf-8': text },
      },
    },
  ]
}

async function getReadiness({
  logs,
  database,
  concerns,
  mirrors,
  stopping,
}: OperationDeps): Promise<Response> {
  if (stopping.aborted) throw new HttpError('not_ready', 'the process is stopping')
  const faults: Fault[] = (concerns?.() ?? []).map((message) => ({ log: null, code: 'tampered', message }))
  const names: string[] = []
  const witnesses: object[] = []
  try {
    await within(PING_LIMIT, database.ping())
    for (const { name } of await within(PING_LIMIT, logs.list())) {
      names.push(name)
      const { problems, quorum, witnesses: asked } = (await within(PING_LIMIT, logs.open(name))).status()
      for (const witness of asked) witnesses.push({ log: name, quorum, ...describeWitness(witness) })
      faults.push(...problems.map(({ code, message }) => ({ log: name, code, message })))
    }
  } catch {
    faults.push({ log: null, code: 'store_unavailable', message: 'the database does not answer' })
  }
  const copies = (mirrors?.() ?? []).map(describeMirror)
  if (faults.length === 0) return json({ status: 'ready', logs: names, witnesses, mirrors: copies })
  throw new HttpError('not_ready', faults.map(({ message }) => message).join('; '), {
    problems: faults,
    witnesses,
    mirrors: copies,
  })
}

function describeMirror({ log, mirror, size, behind, problem }: MirrorReport): object {
  return { log, mirror, size: size ?? null, behind, problem: problem ?? null }
}

async function within<T>(limit: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limit} ms`)), limit)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

async function getMetrics(_c: Context, metrics: Metrics): Promise<Response> {
  return new Response(await metrics.text(), { headers: headersFor(metrics.contentType, 'no-store') })
}
