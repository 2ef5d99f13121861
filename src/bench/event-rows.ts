import { EVENTS, freshLines, freshOtlp } from './fresh-events.ts'
// Rows of events: how fast each door takes them in, against entries in bulk through the same kind of server; how far the search
// lags behind; how long searches take.
import { freshBundles } from './fresh-posts.ts'
import type { BenchServer, Ground } from './ground.ts'
import { type Load, type LoadResult, runLoad } from './http-load.ts'
import { median, quantile, type Row } from './stats.ts'

const CONNECTIONS = 8
/** Requests under way at once where a pace is kept. */
const SENDERS = 4
const LOG = '/logs/http'

/** OTLP and native without anything personal and without a search; then both with everything on. */
export async function ingestRows(
  ground: Ground,
  seconds: number,
  rounds: number,
  tell: (text: string) => void,
): Promise<Row[]> {
  tell('ingest: without search')
  const bare = await ground.server({ PROOFLOG_SEARCH: 'off' })
  const rows: Row[] = []
  try {
    const headers = { Authorization: bare.authorization }
    const otlp = freshOtlp(CONNECTIONS, `${LOG}/v1/logs`, headers)
    const lines = freshLines(CONNECTIONS, `${LOG}/events?receipts=count`, headers, false)
    rows.push(
      await againstBulk(bare, { name: 'ingest.otlp', target: '>= 0.50', request: otlp }, seconds, rounds),
      await againstBulk(bare, { name: 'ingest.native', target: '>= 0.60', request: lines }, seconds, rounds),
    )
  } finally {
    await bare.stop()
  }
  tell('ingest: with vault and search')
  const full = await ground.server({})
  try {
    const headers = { Authorization: full.authorization }
    const lines = freshLines(CONNECTIONS, `${LOG}/events?receipts=count`, headers, true)
    rows.push(
      await againstBulk(
        full,
        { name: 'ingest.full', target: '>= 0.40', request: lines },
        seconds,
        rounds,
        () => caughtUp(full),
      ),
    )
  } finally {
    await full.stop()
  }
  return rows
}

interface Contest {
  readonly name: string
  readonly target: string
  readonly request: Load['request']
}

/** @param settled awaited before each measurement of the ceiling, so that it is not charged with what the row left to do */
async function againstBulk(
  server: BenchServer,
  { name, target, request }: Contest,
  seconds: number,
  rounds: number,
  settled: () => Promise<void> = async () => {},
): Promise<Row> {
  const headers = { Authorization: server.authorization, 'Content-Type': 'application/vnd.prooflog.bundle' }
  const bulk = freshBundles(CONNECTIONS, `${LOG}/entries`, headers, EVENTS)
  const load = (some: Load['request'], time: number): Promise<LoadResult> =>
    runLoad({ port: server.port, connections: CONNECTIONS, seconds: time, request: some })
  const rate = ({ requests, seconds: took }: LoadResult): number => (requests * EVENTS) / took
  await load(request, Math.min(2, seconds)) // warm
  const rates: number[] = []
  const ceilings: number[] = []
  let latencies: readonly number[] = []
  for (let round = 0; round < rounds; round++) {
    await settled()
    ceilings.push(rate(await load(bulk, seconds)))
    await settled()
    const result = await load(request, seconds)
    rates.push(rate(result))
    latencies = [...latencies, ...result.latencies]
  }
  return {
    name,
    rate: median(rates),
    unit: 'events/s',
    p50_ms: quantile(latencies, 0.5),
    p99_ms: quantile(latencies, 0.99),
    ratio: median(rates.map((one, i) => one / (ceilings[i] ?? 1))),
    of: `append.http_bulk ${Math.round(median(ceilings)).toLocaleString('en-US')} entries/s`,
    target,
  }
}

/** 5,000 events a second; how long after its answer each request's last event can be found. */
export async function searchLagRow(ground: Ground, seconds: number): Promise<Row> {
  const server = await ground.server({})
  try {
    await caughtUp(server) // with what rows before this one left to do
    const perRequest = 100
    const waiting: { index: number; at: number }[] = []
    const lags: number[] = []
    const headers = { authorization: server.authorization, 'content-type': 'application/x-ndjson' }
    const started = performance.now()
    let sent = 0
    const polling = setInterval(() => {
      void searchStatus(server).then(({ indexed }) => {
        while (waiting[0] !== undefined && waiting[0].index < indexed) {
          lags.push(performance.now() - waiting[0].at)
          waiting.shift()
        }
      })
    }, 10)
    const send = async (): Promise<void> => {
      while (performance.now() - started < seconds * 1000) {
        const first = sent
        sent += perRequest
        const due = started + (first / 5000) * 1000
        if (due > performance.now()) await pause(due - performance.now())
        const body = Array.from(
          { length: perRequest },
          (_, i) => `${JSON.stringify(lagEvent(first + i))}\n`,
        ).join('')
        const answer = await fetch(`http://127.0.0.1:${server.port}${LOG}/events`, {
          method: 'POST',
          headers,
          body,
        })
        const { receipts } = (await answer.json()) as { receipts: { index: number }[] }
        waiting.push({ index: receipts.at(-1)?.index ?? 0, at: performance.now() })
      }
    }
    await Promise.all(Array.from({ length: SENDERS }, send))
    const took = (performance.now() - started) / 1000
    while (waiting.length > 0) await pause(20)
    clearInterval(polling)
    return {
      name: 'search.lag',
      rate: sent / took,
      unit: 'events/s',
      p50_ms: quantile(lags, 0.5),
      p99_ms: quantile(lags, 0.99),
      ratio: null,
      of: null,
      target: 'p99 < 1,000 ms',
    }
  } finally {
    await server.stop()
  }
}

function lagEvent(i: number): object {
  const person = i % 1000
  return {
    id: `lag-${process.pid}-${performance.timeOrigin}-${i}`,
    time: new Date().toISOString(),
    action: 'document.read',
    outcome: 'success',
    actor: {
      id: `user-${person}`,
      type: 'user',
      name: `Person ${person}`,
      email: `user-${person}@example.com`,
    },
    src: { ip: `10.0.${person % 256}.${i % 256}` },
    targets: [{ type: 'document', id: `document-${i}` }],
  }
}

async function caughtUp(server: BenchServer): Promise<void> {
  for (;;) {
    const { indexed, published } = await searchStatus(server)
    if (indexed >= published) return
    await pause(200)
  }
}

async function searchStatus(server: BenchServer): Promise<{ indexed: number; published: number }> {
  const answer = await fetch(`http://127.0.0.1:${server.port}${LOG}/search`, {
    headers: { authorization: server.authorization },
  })
  return (await answer.json()) as { indexed: number; published: number }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
