// What the checks of this process found, and how far they are. A finding stays until a later look at the same place finds it
// right.
import { type Collector, describeFinding, type Finding } from './finding.ts'
import type { FullPass } from './full-pass.ts'

/** Times are POSIX milliseconds. */
export interface LogCheck {
  readonly log: string
  /** Whether this process is the one that checks the log. */
  readonly working: boolean
  readonly findings: readonly Finding[]
  /** Findings that were not kept. */
  readonly more: number
  /** Entries checked by this process, again and again counted. */
  readonly checked: number
  /** The newest entries were last looked at, from which one on. */
  readonly newest: { readonly at: number; readonly from: number; readonly size: number } | null
  /** The pass over all entries that is under way: entries below `next` of `size` are checked. */
  readonly pass: { readonly next: number; readonly size: number } | null
  /** The last pass that was completed. */
  readonly lastPass: { readonly started: number; readonly finished: number; readonly size: number } | null
}

/** Something changed: findings that are new, or that are gone. */
export interface SelfCheckEvent {
  /** Name of the log; null for rows that no log has. */
  readonly log: string | null
  readonly findings: readonly Finding[]
  readonly more: number
}

export interface Board {
  of(log: string): LogCheck | undefined
  /** Rows that no log has. */
  unowned(): readonly Finding[]
  /** Of every log, and of none, that has findings now. */
  current(): SelfCheckEvent[]
  /** Calls back at every change of findings, and after every look with `onLook`. Returns how to end that. */
  subscribe(listener: (event: SelfCheckEvent) => void, onLook?: (check: LogCheck) => void): () => void
  looked(log: string, range: { from: number; size: number }, found: Collector): void
  stepped(log: string, range: { start: number; end: number }, pass: FullPass): void
  passed(log: string, pass: FullPass, times: { started: number; finished: number; whole: boolean }): void
  unreadable(log: string, findings: readonly Finding[]): void
  giveUp(log: string): void
  /** What the process that checks the log says of it; ignored where that is this one. */
  heard(event: SelfCheckEvent & { readonly log: string }): void
  unownedFound(findings: readonly Finding[]): void
}

interface Kept {
  check: LogCheck
  /** Of the last look at the newest entries. */
  newest: readonly Finding[]
  /** Of the pass under way, and of the one before as far as it was not looked at again. */
  current: readonly Finding[]
  former: readonly Finding[]
  more: number
  pass: FullPass | undefined
}

export function createBoard(): Board {
  const logs = new Map<string, Kept>()
  const listeners = new Set<{
    listener: (event: SelfCheckEvent) => void
    onLook?: (check: LogCheck) => void
  }>()
  let orphans: readonly Finding[] = []

  function keptOf(log: string): Kept {
    const known = logs.get(log)
    if (known !== undefined) return known
    const check = {
      log,
      working: false,
      findings: [],
      more: 0,
      checked: 0,
      newest: null,
      pass: null,
      lastPass: null,
    }
    const fresh: Kept = { check, newest: [], current: [], former: [], more: 0, pass: undefined }
    logs.set(log, fresh)
    return fresh
  }

  function update(kept: Kept, change: Partial<LogCheck>): void {
    const findings = distinct([...kept.newest, ...kept.current, ...kept.former])
    const before = kept.check.findings
    kept.check = { ...kept.check, ...change, findings, more: kept.more }
    const { log, more } = kept.check
    for (const { listener, onLook } of listeners) {
      if (!equal(before, findings)) listener({ log, findings, more })
      onLook?.(kept.check)
    }
  }

  return {
    of: (log) => logs.get(log)?.check,
    unowned: () => orphans,
    current() {
      const all = [...logs.values()].map(({ check: { log, findings, more } }) => ({ log, findings, more }))
      return [...all, { log: null, findings: orphans, more: 0 }].filter(({ findings }) => findings.length > 0)
    },
    subscribe(listener, onLook) {
      const entry = { listener, ...(onLook === undefined ? {} : { onLook }) }
      listeners.add(entry)
      return () => void listeners.delete(entry)
    },
    ...recorders(logs, keptOf, update),
    unownedFound(findings) {
      if (equal(orphans, findings)) return
      orphans = findings
      for (const { listener } of listeners) listener({ log: null, findings, more: 0 })
    },
  }
}

type Recorders = Pick<Board, 'looked' | 'stepped' | 'passed' | 'unreadable' | 'giveUp' | 'heard'>

/** What each kind of look does to what is kept of a log. */
function recorders(
  logs: ReadonlyMap<string, Kept>,
  keptOf: (log: string) => Kept,
  update: (kept: Kept, change: Partial<LogCheck>) => void,
): Recorders {
  return {
    looked(log, { from, size }, { findings, more }) {
      const kept = keptOf(log)
      kept.newest = findings
      kept.more = more
      update(kept, {
        working: true,
        newest: { at: Date.now(), from, size },
        checked: kept.check.checked + size - from,
      })
    },
    stepped(log, { start, end }, pass) {
      const { look, findings, more } = pass
      const kept = keptOf(log)
      // One that was broken off, by a database that went away, leaves what it found.
      if (kept.pass !== pass) kept.former = distinct([...kept.former, ...kept.current])
      kept.pass = pass
      kept.current = findings
      kept.former = kept.former.filter((finding) => !liesWithin(finding, start, end))
      kept.more = Math.max(kept.more, more)
      update(kept, {
        working: true,
        pass: { next: end, size: look.head.size },
        checked: kept.check.checked + end - start,
      })
    },
    passed(log, { look, findings, more }, { started, finished, whole }) {
      const kept = keptOf(log)
      // A pass that began in the middle, after a restart, says nothing of what lies before.
      kept.former = whole ? findings : distinct([...kept.former, ...findings])
      kept.current = []
      kept.more = more
      update(kept, {
        pass: null,
        ...(whole ? { lastPass: { started, finished, size: look.head.size } } : {}),
      })
    },
    unreadable(log, findings) {
      const kept = keptOf(log)
      kept.current = findings
      update(kept, { working: true, pass: null })
    },
    giveUp(log) {
      const kept = logs.get(log)
      if (kept === undefined || !kept.check.working) return
      Object.assign(kept, { newest: [], current: [], former: kept.check.findings })
      update(kept, { working: false, pass: null })
    },
    heard({ log, findings, more }) {
      const kept = keptOf(log)
      if (kept.check.working) return
      Object.assign(kept, { newest: [], current: [], former: findings, more })
      update(kept, {})
    },
  }
}

/** Whether a range of entries, looked at again, would find it again. */
function liesWithin(
  { table, level, index = -1, count = 1, column }: Finding,
  start: number,
  end: number,
): boolean {
  if (column === 'history') return false
  if (table === 'entries') return start <= index && index + count <= end
  return table === 'tiles' && level === 0 && start <= index * 256 && (index + count) * 256 <= end
}

function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [describeFinding(finding), finding])).values()]
}

function equal(a: readonly Finding[], b: readonly Finding[]): boolean {
  return (
    a.length === b.length &&
    a.every((finding, i) => describeFinding(finding) === describeFinding(b[i] ?? finding))
  )
}
