import { Counter, Gauge, type Registry } from 'prom-client'
import type { LogCheck } from '../self-check/board.ts'

export interface SelfCheckObserver {
  /** Called after every step of the check of a log. */
  checked(check: LogCheck): void
}

export function selfCheckMetrics(registry: Registry): SelfCheckObserver {
  const named = (name: string, help: string) => ({
    name: `prooflog_self_check_${name}`,
    help,
    labelNames: ['log'],
    registers: [registry],
  })
  const findings = new Gauge(named('findings', 'Places where the stored log is not what it should be'))
  const entries = new Counter(named('entries_total', 'Entries checked, again and again counted'))
  const position = new Gauge(named('position', 'Entries checked by the pass that is under way'))
  const newest = new Gauge(named('newest_timestamp_seconds', 'When the newest entries were last checked'))
  const lastPass = new Gauge(named('pass_timestamp_seconds', 'When the last pass over all entries ended'))
  const duration = new Gauge(named('pass_duration_seconds', 'How long the last pass over all entries took'))
  const counted = new Map<string, number>()
  return {
    checked(check) {
      const { log } = check
      findings.set({ log }, check.working ? check.findings.length + check.more : 0)
      entries.inc({ log }, check.checked - (counted.get(log) ?? 0))
      counted.set(log, check.checked)
      position.set({ log }, check.pass?.next ?? 0)
      if (check.newest !== null) newest.set({ log }, check.newest.at / 1000)
      if (check.lastPass === null) return
      lastPass.set({ log }, check.lastPass.finished / 1000)
      duration.set({ log }, (check.lastPass.finished - check.lastPass.started) / 1000)
    },
  }
}
