// What becomes of a round: lines for people and programs, evidence, and the webhook.
import type { Policy } from '../client/index.ts'
import { toBase64 } from '../core/bytes.ts'
import { timeText } from '../monitor/freshness.ts'
import type { Round } from '../monitor/monitor.ts'
import type { Violation } from '../monitor/violation.ts'
import type { Io } from './io.ts'
import { keepEvidence } from './monitor-files.ts'
import { callWebhook } from './webhook.ts'

export interface ReportOptions {
  /** Of the log. */
  readonly url: string
  readonly policy: Policy
  readonly evidence?: string
  readonly webhook: string | undefined
  readonly json?: boolean
}

export type Report = (round: Round) => Promise<void>

interface Found {
  readonly violation: Violation
  /** Where its evidence is kept. */
  readonly folder: string | undefined
}

/** Tells each violation and warning when it begins, and again only after a round without it. */
export function createReport(options: ReportOptions, io: Io): Report {
  const known = new Map<string, Found>()
  let warned = new Set<string>()
  let shown = ''
  return async (round) => {
    const warnings = warningsOf(round)
    for (const warning of warnings) if (!warned.has(warning)) io.err(`warning: ${warning}\n`)
    warned = new Set(warnings)
    const found: Found[] = []
    for (const violation of round.violations) found.push(await report(violation, round))
    const now = new Set(round.violations.map(keyOf))
    // A log that could not be asked is not rid of what was found.
    for (const key of known.keys()) if (!now.has(key) && round.failure === undefined) known.delete(key)
    if (options.json) return io.out(`${JSON.stringify(fieldsOf(round, found))}\n`)
    const line = round.violations.length === 0 ? describe(round) : ''
    if (line !== '' && line !== shown) await io.out(`${timeText(round.at)}  ${line}\n`)
    shown = line
  }

  async function report(violation: Violation, round: Round): Promise<Found> {
    const before = known.get(keyOf(violation))
    if (before) return { violation, folder: before.folder }
    const folder = await keep(violation, round.at)
    const found = { violation, folder }
    known.set(keyOf(violation), found)
    const kept = folder === undefined ? '' : `; evidence in ${folder}`
    io.err(`violation: ${violation.code}: ${violation.message}${kept}\n`)
    if (options.webhook !== undefined)
      await callWebhook(options.webhook, noticeOf(found, round, options.url), io)
    return found
  }

  /** A full disk must not keep the webhook from being called. */
  async function keep(violation: Violation, at: number): Promise<string | undefined> {
    const { evidence, url, policy } = options
    if (evidence === undefined) return undefined
    try {
      return await keepEvidence(evidence, violation, { url, policy, at })
    } catch (error) {
      io.err(`warning: the evidence could not be kept: ${String(error)}\n`)
      return undefined
    }
  }
}

function keyOf({ code, heldBy }: Violation): string {
  return `${code} ${heldBy ?? ''}`
}

function warningsOf({ warnings, failure, firstUse, head, violations }: Round): string[] {
  const found = [...warnings]
  if (failure) found.push(`the log could not be asked for everything: ${failure.message}`)
  else if (firstUse && head && violations.length === 0) {
    found.push(
      `nothing was remembered of ${head.checkpoint.origin}: size ${head.checkpoint.size} is trusted on first use`,
    )
  }
  return found
}

/** Empty when there is nothing to say. */
function describe({ head, agreed, entries, failure }: Round): string {
  if (head === undefined || failure !== undefined) return ''
  const { size, root } = head.checkpoint
  const cosigners = head.cosigners.map(({ name }) => name)
  return [
    `size ${size}, root ${toBase64(root)}`,
    ...(cosigners.length > 0 ? [`cosigned by ${cosigners.join(', ')}`] : []),
    ...(agreed.length > 0 ? [`agrees with ${agreed.join(', ')}`] : []),
    ...(entries === undefined ? [] : [`${entries} entries hashed`]),
  ].join('; ')
}

function fieldsOf(round: Round, found: readonly Found[]): object {
  const { at, head, firstUse, warnings, agreed, entries, failure } = round
  return {
    at: new Date(at).toISOString(),
    origin: head?.checkpoint.origin ?? null,
    tree_size: head?.checkpoint.size ?? null,
    sha256_root_hash: head ? toBase64(head.checkpoint.root) : null,
    first_use: firstUse,
    cosigners: head?.cosigners.map(({ name, timestamp }) => ({ name, timestamp })) ?? [],
    agreed,
    entries: entries ?? null,
    violations: found.map(({ violation: { code, message, heldBy }, folder }) => ({
      code,
      message,
      held_by: heldBy ?? null,
      evidence: folder ?? null,
    })),
    warnings,
    failure: failure ? { code: failure.code, message: failure.message } : null,
  }
}

/** What the webhook gets. */
function noticeOf({ violation, folder }: Found, { at, head }: Round, url: string): object {
  const { code, message, heldBy, evidence } = violation
  return {
    code,
    message,
    log: url,
    origin: head?.checkpoint.origin ?? null,
    found_at: new Date(at).toISOString(),
    held_by: heldBy ?? null,
    remembered: evidence['remembered'] ?? null,
    offered: evidence['offered'] ?? null,
    evidence: folder ?? null,
  }
}
