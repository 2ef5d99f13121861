// The self-check of a running service: its connection, its memory, and who hears of what it finds.
import { join } from 'node:path'
import type { Logger } from 'pino'
import { createCheckMemory } from './check-memory.ts'
import type { Config } from './config.ts'
import type { Database } from './db/connect.ts'
import type { Metrics } from './http/metrics.ts'
import type { Guard, KeyRing } from './log/ports.ts'
import type { LogInfo, LogProblem } from './log/types.ts'
import { describeFinding, type Finding } from './self-check/finding.ts'
import { createSelfCheck, type SelfCheck } from './self-check/self-check.ts'
import { createScan } from './store/scan.ts'

export interface SelfCheckParts {
  /** A connection of its own: it holds the turns. */
  readonly database: Database
  readonly guard: Guard
  readonly keys: Pick<KeyRing, 'signers'>
  readonly metrics: Pick<Metrics, 'checked'>
  readonly logger: Logger
  readonly report: (error: unknown) => void
}

/** Findings named in a problem; the others are counted. */
const NAMED = 3

/** What is remembered between two lives of the service. */
export function checkMemoryPath({ dataDir }: Pick<Config, 'dataDir'>): string {
  return join(dataDir, 'self-check.json')
}

/** Not started yet; undefined when the configuration turns it off. */
export function prepareSelfCheck(
  config: Config,
  { database, guard, keys, metrics, logger, report }: SelfCheckParts,
): SelfCheck | undefined {
  if (config.selfCheckRate === 0) return undefined
  const memory = createCheckMemory(checkMemoryPath(config), (message) => logger.warn(message))
  const check = createSelfCheck(
    { scan: createScan(database), guard, keys, memory, report },
    { rate: config.selfCheckRate },
  )
  check.subscribe(
    ({ log, findings, more }) => {
      if (findings.length === 0) logger.warn({ log }, 'the self-check finds the log right again')
      else logger.error({ log, findings, more }, messageOf(findings, more))
    },
    (state) => metrics.checked(state),
  )
  return check
}

/** What is wrong with all logs, and with none, one line each. */
export function concernsOf(check: SelfCheck | undefined): string[] {
  return (check?.current() ?? []).map(({ findings, more }) => messageOf(findings, more))
}

/** The findings of a log as a problem of its status. */
export function problemsOf(check: SelfCheck | undefined, { name }: LogInfo): LogProblem[] {
  const state = check?.of(name)
  if (state === undefined || state.findings.length === 0) return []
  return [{ code: 'tampered', message: messageOf(state.findings, state.more) }]
}

function messageOf(findings: readonly Finding[], more: number): string {
  const rest = findings.length - NAMED + more
  const named = findings.slice(0, NAMED).map(describeFinding).join('; ')
  return `the database was changed: ${named}${rest > 0 ? `; and ${rest} more` : ''}; see docs/self-check.md`
}
