// Prometheus metrics. Children are looked up once per log and route: naming labels on every request costs more than counting.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Observer } from '../log/observer.ts'
import { type EventObserver, eventMetrics } from './event-metrics.ts'
import { type MirrorObserver, mirrorMetrics } from './mirror-metrics.ts'
import { selfCheckMetrics, type SelfCheckObserver } from './self-check-metrics.ts'
import { witnessMetrics, type WitnessObserver } from './witness-metrics.ts'

export interface Metrics extends Observer, SelfCheckObserver, MirrorObserver, EventObserver {
  /** Counts the answers of a route, `/logs/:log/add`; asked for once per route. */
  httpRoute(method: string, route: string): (status: number, seconds: number) => void
  /** The exposition text. */
  text(): Promise<string>
  readonly contentType: string
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const ENTRIES = [1, 4, 16, 64, 256, 1024, 4096, 16_384]

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return {
    ...logMetrics(registry),
    ...witnessMetrics(registry),
    ...selfCheckMetrics(registry),
    ...mirrorMetrics(registry),
    ...eventMetrics(registry),
    ...httpMetrics(registry),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function logMetrics(registry: Registry): Omit<Observer, keyof WitnessObserver> {
  const named = (name: string, help: string, labelNames = ['log']) => ({
    name: `prooflog_${name}`,
    help,
    labelNames,
    registers: [registry],
  })
  const counter = (name: string, help: string) => new Counter(named(name, help))
  const gauge = (name: string, help: string) => new Gauge(named(name, help))
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ ...named(name, help), buckets })
  const failure = (name: string, help: string) => new Counter(named(name, help, ['log', 'code']))

  const entries = counter('entries_appended_total', 'Entries acknowledged, duplicates included')
  const duplicates = counter('entries_duplicate_total', 'Entries acknowledged that the log held already')
  const appendSeconds = histogram('append_seconds', 'From the call to the commit', SECONDS)
  const batchEntries = histogram('batch_entries', 'New entries per transaction', ENTRIES)
  const batchSeconds = histogram('batch_seconds', 'Duration of a transaction', SECONDS)
  const headSize = gauge('head_size', 'Committed entries')
  const waiting = gauge('entries_waiting', 'Entries waiting for their commit')
  const publishedSize = gauge('published_size', 'Size of the newest checkpoint')
  const publishedTime = gauge('published_timestamp_seconds', 'When the newest checkpoint was signed')
  const refused = failure('append_refused_total', 'Appends refused or failed')
  const publishFailed = failure('publish_failed_total', 'Attempts to publish a checkpoint that failed')

  const of = memo((log: string) => ({
    entries: entries.labels(log),
    duplicates: duplicates.labels(log),
    appendSeconds: appendSeconds.labels(log),
    batchEntries: batchEntries.labels(log),
    batchSeconds: batchSeconds.labels(log),
    headSize: headSize.labels(log),
    waiting: waiting.labels(log),
    publishedSize: publishedSize.labels(log),
    publishedTime: publishedTime.labels(log),
  }))

  return {
    appended(log, count, duplicate, seconds) {
      const log1 = of(log)
      log1.entries.inc(count)
      if (duplicate > 0) log1.duplicates.inc(duplicate)
      log1.appendSeconds.observe(seconds)
    },
    batch(log, count, seconds) {
      of(log).batchEntries.observe(count)
      of(log).batchSeconds.observe(seconds)
    },
    published(log, size, signedAt) {
      of(log).publishedSize.set(size)
      of(log).publishedTime.set(signedAt / 1000)
    },
    head: (log, size) => of(log).headSize.set(size),
    waiting: (log, count) => of(log).waiting.set(count),
    refused: (log, code) => refused.inc({ log, code }),
    publishFailed: (log, code) => publishFailed.inc({ log, code }),
  }
}

function httpMetrics(registry: Registry): Pick<Metrics, 'httpRoute'> {
  const requests = new Histogram({
    name: 'prooflog_http_request_seconds',
    help: 'From the request to its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers: [registry],
  })
  return {
    httpRoute(method, route) {
      const of = memo((status: number) => requests.labels(method, route, String(status)))
      return (status, seconds) => of(status).observe(seconds)
    },
  }
}

/** The keys are the names of logs and the statuses of a route: few. */
function memo<K, T>(make: (key: K) => T): (key: K) => T {
  const made = new Map<K, T>()
  return (key) => {
    const known = made.get(key)
    if (known !== undefined) return known
    const fresh = make(key)
    made.set(key, fresh)
    return fresh
  }
}
