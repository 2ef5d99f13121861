// What a check found: the place, what should be there, and what is. Never the contents of an entry.
import { toHex } from '../core/bytes.ts'

export type FindingTable =
  | 'logs'
  | 'changes'
  | 'heads'
  | 'entries'
  | 'tiles'
  | 'tree_heads'
  | 'checkpoints'
  | 'cosignatures'
  | 'guard'

/** Rows of a table: those of its key that are named. `count` rows follow each other from here. */
export interface Place {
  readonly level?: number
  readonly index?: number
  readonly size?: number
  readonly seq?: number
  readonly count?: number
}

export interface Finding extends Place {
  /** Name of the log; null for rows that no log has. */
  readonly log: string | null
  /** In the schema `log`; `guard` is what is kept outside the database. */
  readonly table: FindingTable
  /** Column, or `row` for one that is missing or should not be there. */
  readonly column: string
  readonly expected: string
  readonly found: string
}

/** Findings kept of one look at a place; the others are counted. */
export const MAX_FINDINGS = 100

/** Gathers findings; those of rows that follow each other become one. */
export interface Collector {
  add(finding: Omit<Finding, 'log'>): void
  /** Whether there is one for this tile. */
  hasTile(level: number, index: number): boolean
  readonly findings: readonly Finding[]
  /** How many were not kept. */
  readonly more: number
}

export function createCollector(log: string | null): Collector {
  const findings: Finding[] = []
  /** Where the last finding of each kind stands: what is missing is often missing in several tables by turns. */
  const lastOf = new Map<string, number>()
  let more = 0
  return {
    add(finding) {
      const kind = `${finding.table}/${finding.level}/${finding.column}`
      const at = lastOf.get(kind) ?? -1
      const last = findings[at]
      if (last !== undefined && follows(last, finding)) {
        findings[at] = { ...last, count: (last.count ?? 1) + (finding.count ?? 1) }
      } else if (findings.length < MAX_FINDINGS) lastOf.set(kind, findings.push({ log, ...finding }) - 1)
      else more++
    },
    hasTile: (level, index) =>
      findings.some((one) => one.table === 'tiles' && one.level === level && covers(one, index)),
    findings,
    get more() {
      return more
    },
  }
}

function covers({ index = -1, count = 1 }: Finding, wanted: number): boolean {
  return index <= wanted && wanted < index + count
}

/** Both of one table, column and level. */
function follows(last: Finding, next: Omit<Finding, 'log'>): boolean {
  const behind = last.count ?? 1
  if (last.index !== undefined) return next.index === last.index + behind
  return last.seq !== undefined && next.seq === last.seq + behind
}

/** `log.tiles level 1, index 3` */
export function placeOf({ table, level, index, size, seq, count = 1 }: Finding): string {
  const parts = [
    ...(level === undefined ? [] : [`level ${level}`]),
    ...(index === undefined
      ? []
      : [count === 1 ? `index ${index}` : `index ${index} to ${index + count - 1}`]),
    ...(seq === undefined ? [] : [count === 1 ? `seq ${seq}` : `seq ${seq} to ${seq + count - 1}`]),
    ...(size === undefined ? [] : [`size ${size}`]),
  ]
  const where = table === 'guard' ? 'the guard' : `log.${table}`
  return parts.length === 0 ? where : `${where} ${parts.join(', ')}`
}

/** One line for people. */
export function describeFinding(finding: Finding): string {
  const log = finding.log === null ? '' : `log ${finding.log}: `
  return `${log}${placeOf(finding)}, ${finding.column}: expected ${finding.expected}, found ${finding.found}`
}

/** A hash for `expected` and `found`. */
export function shown(hash: Uint8Array | undefined): string {
  return hash === undefined ? 'nothing' : toHex(hash)
}
