// What the process that checks a log tells the others, so that each of them can say it: findings in short. Whoever reaches the
// database can forge it; the process that checks believes only itself.
import type { SelfCheckEvent } from './board.ts'
import type { Finding } from './finding.ts'

/** Bytes of a notification (PostgreSQL, NOTIFY: below 8,000). */
const MAX_SIZE = 7_500

/** As many findings as fit; the others are counted. */
export function formatTold({ log, findings, more }: SelfCheckEvent): string {
  for (let kept = findings.length; ; kept--) {
    const text = JSON.stringify({
      log,
      findings: findings.slice(0, kept),
      more: more + findings.length - kept,
    })
    if (kept === 0 || new TextEncoder().encode(text).length <= MAX_SIZE) return text
  }
}

/** Undefined for what {@link formatTold} does not write. */
export function parseTold(text: string): (SelfCheckEvent & { readonly log: string }) | undefined {
  const told = parsed(text)
  if (!isObject(told)) return undefined
  const { log, findings, more } = told
  if (typeof log !== 'string' || typeof more !== 'number' || !Array.isArray(findings)) return undefined
  return findings.every(isFinding) ? { log, findings, more } : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isFinding(value: unknown): value is Finding {
  if (!isObject(value)) return false
  return ['table', 'column', 'expected', 'found'].every((name) => typeof value[name] === 'string')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
