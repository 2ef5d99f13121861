import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Prometheus metrics of a witness. None has a log as its label: there may be 40,000. */
export interface WitnessMetrics {
  /** Counts the answers of a route; asked for once per route. */
  route(path: string): (status: number, seconds: number) => void
  /** A checkpoint that its log signed contradicts what was seen, or its proof does not hold. */
  contradicted(): void
  /** A list was read, or could not be. */
  listRead(source: string, failed: boolean): void
  text(): Promise<string>
  readonly contentType: string
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** @param logs how many are known */
export function createWitnessMetrics(logs: () => number): WitnessMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const requests = new Histogram({
    name: 'prooflog_witness_request_seconds',
    help: 'From the request to its answer',
    labelNames: ['route', 'status'],
    buckets: SECONDS,
    registers,
  })
  const contradictions = new Counter({
    name: 'prooflog_witness_contradictions_total',
    help: 'Signed checkpoints that do not continue what was seen',
    registers,
  })
  const lists = new Counter({
    name: 'prooflog_witness_list_reads_total',
    help: 'Times that a list of logs was read',
    labelNames: ['source', 'outcome'],
    registers,
  })
  const known = new Gauge({ name: 'prooflog_witness_logs', help: 'Logs that are known', registers })
  return {
    route: (route) => (status, seconds) => requests.observe({ route, status: String(status) }, seconds),
    contradicted: () => contradictions.inc(),
    listRead: (source, failed) => lists.inc({ source, outcome: failed ? 'failed' : 'read' }),
    text() {
      known.set(logs())
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
