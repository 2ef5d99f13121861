// Accesses that are only noted, counted: the first of its kind is written down at once, what follows within the minute
// together at its end. However much is denied, the memory for it stays the same.
import type { Access } from '../../http/journal.ts'
import { type Counted, detailText } from './describe-access.ts'

export interface Tally {
  add(access: Access): void
  /** What is to be written down now; `all` for everything that is left. It is not returned again. */
  due(all: boolean): Counted[]
}

interface Kind {
  readonly access: Access
  readonly who: string
  /** When the first of it came; POSIX milliseconds. */
  readonly since: number
  told: boolean
  count: number
  from: number
  until: number
  details: Set<string>
  text: number
  unlisted: number
}

/** Milliseconds that equal accesses are counted together. */
const WINDOW = 60_000
/** Kinds of access at once; beyond it nobody is named any more who is not known. */
const MOST_KINDS = 10_000
/** Kinds of one principal or address; beyond it logs are not told apart. */
const MOST_OF_ONE = 256
/** Distinct details of a kind, and characters of them, so that they fit an event; then it is due at once. */
const MOST_DETAILS = 100
const MOST_TEXT_OF_ONE = 50_000
/** Characters of details of all kinds together. */
const MOST_TEXT = 8_000_000
/** Kinds that are due before their time. */
const MOST_FULL = 1_000

/** @param now POSIX milliseconds */
export function createTally(now: () => number): Tally {
  const kinds = new Map<string, Kind>()
  const perWho = new Map<string, number>()
  const full: Counted[] = []
  let text = 0

  function kindOf(access: Access): Kind {
    const who = whoOf(access)
    const exact = kinds.get(keyOf(who, access))
    if (exact !== undefined) return exact
    if ((perWho.get(who) ?? 0) >= MOST_OF_ONE && access.log !== undefined)
      return kindOf({ ...access, log: undefined })
    if (kinds.size >= MOST_KINDS && who !== '')
      return kindOf({ ...access, principal: undefined, ip: undefined, log: undefined })
    const time = now()
    const kind: Kind = { access, who, since: time, told: false, ...empty(time) }
    kinds.set(keyOf(who, access), kind)
    perWho.set(who, (perWho.get(who) ?? 0) + 1)
    return kind
  }
  function forget(key: string, { who }: Kind): void {
    kinds.delete(key)
    const left = (perWho.get(who) ?? 1) - 1
    if (left === 0) perWho.delete(who)
    else perWho.set(who, left)
  }
  function take(kind: Kind): Counted {
    const { access, count, from, until, details, unlisted } = kind
    const listed = [...details]
    text -= kind.text
    Object.assign(kind, empty(now()))
    return { access, count, from, until, details: listed, unlisted }
  }
  return {
    add(access) {
      const kind = kindOf(access)
      if (kind.count === 0) kind.from = now()
      kind.count++
      kind.until = now()
      const detail = detailText(access)
      if (kind.details.has(detail)) return
      if (text + detail.length > MOST_TEXT || isFull(kind)) {
        kind.unlisted++
        return
      }
      kind.details.add(detail)
      kind.text += detail.length
      text += detail.length
      // Of who is known nothing that was asked for is left out as long as it can be written.
      if (access.principal !== undefined && isFull(kind) && full.length < MOST_FULL) full.push(take(kind))
    },
    due(all) {
      const due = full.splice(0)
      for (const [key, kind] of kinds) {
        const over = now() - kind.since >= WINDOW
        if (kind.count > 0 && (all || over || !kind.told)) {
          due.push(take(kind))
          kind.told = true
        }
        if (over) forget(key, kind)
      }
      return due
    },
  }
}

function empty(time: number): Pick<Kind, 'count' | 'from' | 'until' | 'details' | 'text' | 'unlisted'> {
  return { count: 0, from: time, until: time, details: new Set(), text: 0, unlisted: 0 }
}

function isFull({ details, text }: Kind): boolean {
  return details.size >= MOST_DETAILS || text >= MOST_TEXT_OF_ONE
}

function whoOf({ principal, ip }: Access): string {
  return principal === undefined ? (ip ?? '') : `${principal.kind} ${principal.id}`
}

function keyOf(who: string, { action, route, log = '', code = '' }: Access): string {
  return [who, action, route, log, code].join('\n')
}
