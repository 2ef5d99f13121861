import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { CopyState } from './copy-states.ts'

/** Prometheus metrics of a mirror. */
export interface MirrorMetrics {
  /** Counts the answers of a route; asked for once per route. */
  route(path: string): (status: number, seconds: number) => void
  /** A checkpoint that its log signed contradicts what was seen, or its proof does not hold. */
  contradicted(): void
  /** The exposition text, with the copies as they are now. */
  text(copies: readonly CopyState[]): Promise<string>
  readonly contentType: string
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

export function createMirrorMetrics(): MirrorMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const requests = new Histogram({
    name: 'prooflog_mirror_request_seconds',
    help: 'From the request to its answer',
    labelNames: ['route', 'status'],
    buckets: SECONDS,
    registers,
  })
  const contradictions = new Counter({
    name: 'prooflog_mirror_contradictions_total',
    help: 'Signed checkpoints that do not continue what was seen',
    registers,
  })
  const gauge = (name: string, help: string): Gauge =>
    new Gauge({ name: `prooflog_mirror_${name}`, help, labelNames: ['origin'], registers })
  const pending = gauge('pending_size', 'Size of the newest checkpoint of the log that was brought')
  const next = gauge('next_entry', 'Entries stored')
  const mirrored = gauge('signed_size', 'Size up to which the mirror has signed')
  const signed = gauge('signed_timestamp_seconds', 'When the mirror signed last')
  return {
    route: (route) => (status, seconds) => requests.observe({ route, status: String(status) }, seconds),
    contradicted: () => contradictions.inc(),
    text(copies) {
      for (const { origin, ...state } of copies) {
        pending.set({ origin }, state.pending)
        next.set({ origin }, state.next)
        mirrored.set({ origin }, state.mirrored ?? 0)
        signed.set({ origin }, (state.signedAt ?? 0) / 1000)
      }
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
