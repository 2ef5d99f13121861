// How long searches take, filter by filter, at a fifth of the events and at all of them: the time must not grow with the log.
import { fillEvents, RARE } from './fill-events.ts'
import type { BenchServer, Ground } from './ground.ts'
import { quantile, type Row } from './stats.ts'

const LOG = '/logs/http'
/** Searches of each filter. */
const QUERIES = 300

/** A query for each documented filter; `n` differs from call to call, so that answers are not remembered ones. */
const FILTERS: readonly (readonly [name: string, query: (n: number) => string])[] = [
  ['newest', () => ''],
  ['action', () => 'action=document.delete'],
  ['action.prefix', () => 'action=document.*'],
  ['actor', (n) => `actor=user-${n % 1000}`],
  ['target', (n) => `target=document-${n * 7919}`],
  ['outcome', () => 'outcome=failure'],
  ['ip', (n) => `ip=10.0.${n % 256}.${(n * 7) % 256}`],
  ['session', (n) => `session=session-${n * 13}`],
  ['trace', (n) => `trace=trace-${n * 17}`],
  ['severity', () => 'severity=17'],
  ['source', () => 'source=admin'],
  ['id', (n) => `id=fill-${n * 31}`],
  ['time', (n) => timeRange(n)],
  ['text', () => 'text=queen+of+hearts'],
  ['text.rare', () => `text=${RARE}`],
  ['nothing', (n) => `text=word${n}that+nobody+wrote`],
  ['combined', (n) => `actor=user-${n % 1000}&outcome=failure&${timeRange(n)}`],
]

/** @param events of the log at the end */
export async function searchRows(
  ground: Ground,
  events: number,
  tell: (text: string) => void,
): Promise<Row[]> {
  // A checkpoint a second, as by default: ten would have a tenth of the process sign and check them, and searches wait for it.
  const server = await ground.server({ PROOFLOG_PUBLISH_MS: '1000' })
  try {
    const first = Math.ceil(events / 5)
    await fillEvents(server, 0, first, tell)
    tell(`search.query: ${first} events`)
    const few = await measureAll(server, tell)
    await fillEvents(server, first, events, tell)
    tell(`search.query: ${events} events`)
    const all = await measureAll(server, tell)
    return FILTERS.map(([name]) => {
      const [before, after] = [few.get(name) ?? [], all.get(name) ?? []]
      return {
        name: `search.query.${name}`,
        rate: events,
        unit: 'events',
        p50_ms: quantile(after, 0.5),
        p99_ms: quantile(after, 0.99),
        ratio: quantile(after, 0.99) / quantile(before, 0.99),
        of: `p99 at ${first.toLocaleString('en-US')}: ${quantile(before, 0.99).toFixed(1)} ms`,
        target: 'p99 < 100 ms, flat',
      }
    })
  } finally {
    await server.stop()
  }
}

async function measureAll(server: BenchServer, tell: (text: string) => void): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>()
  for (const [name, query] of FILTERS) {
    const times: number[] = []
    for (let n = 0; n < QUERIES; n++) {
      const started = performance.now()
      const answer = await fetch(`http://127.0.0.1:${server.port}${LOG}/events?limit=50&${query(n)}`, {
        headers: { authorization: server.authorization },
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${name}: ${text}`)
      times.push(performance.now() - started)
    }
    tell(`${name}: p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms`)
    found.set(name, times)
  }
  return found
}

/** An hour somewhere in the filled time. */
function timeRange(n: number): string {
  const from = Date.UTC(2026, 0, 1) + (n % 100) * 7_200_000
  return `from=${new Date(from).toISOString()}&to=${new Date(from + 3_600_000).toISOString()}`
}
