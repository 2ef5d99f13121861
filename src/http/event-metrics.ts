// How events come in by syslog, and how the search does: how far behind the log it is, how fast it goes, how long searches take.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** What src/audit/follow and src/audit/search tell, see there; and the ports for syslog. */
export interface EventObserver {
  lag(name: string, log: string, entries: number, seconds: number): void
  followed(name: string, log: string, entries: number, seconds: number): void
  failed(name: string, log: string, error: unknown): void
  searched(log: string, filters: string, seconds: number, outcome: string): void
  /** Whether a port for syslog takes connections. */
  listening(log: string, port: number, now: boolean): void
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function eventMetrics(registry: Registry): EventObserver {
  const named = (name: string, help: string, labelNames: string[]) => ({
    name: `prooflog_${name}`,
    help,
    labelNames,
    registers: [registry],
  })
  const follower = ['follower', 'log']
  const lagEntries = new Gauge(
    named('follower_lag_entries', 'Published entries that are not followed yet', follower),
  )
  const lagSeconds = new Gauge(named('follower_lag_seconds', 'Age of the oldest of them', follower))
  const entries = new Counter(named('follower_entries_total', 'Entries followed', follower))
  const failures = new Counter(named('follower_failures_total', 'Attempts to follow that failed', follower))
  const searches = new Histogram({
    ...named('search_seconds', 'Duration of searches', ['log', 'outcome']),
    buckets: SECONDS,
  })
  const listening = new Gauge(
    named('syslog_listening', '1 while the port takes connections, 0 while its log takes no entries', [
      'log',
      'port',
    ]),
  )
  return {
    lag(name, log, count, seconds) {
      lagEntries.set({ follower: name, log }, count)
      lagSeconds.set({ follower: name, log }, seconds)
    },
    followed: (name, log, count) => entries.inc({ follower: name, log }, count),
    failed: (name, log) => failures.inc({ follower: name, log }),
    listening: (log, port, now) => listening.set({ log, port }, now ? 1 : 0),
    searched: (log, _filters, seconds, outcome) => searches.observe({ log, outcome }, seconds),
  }
}
