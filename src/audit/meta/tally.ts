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
/** Kinds of access of strangers at once; beyond it their addresses are not told apart. */
const MOST_OF_STRANGERS = 10_000
/** Of those who are known, whom no stranger may push out: else whoever has addresses enough could look without being named. */
const MOST_OF_KNOWN = 50_000
/** Kinds of one principal or address; beyond it logs are not told apart. */
const MOST_OF_ONE = 256
/** Distinct details of a kind, and characters of them, so that they fit an event; then it is due at once. */
const MOST_DETAILS = 100
const MOST_TEXT_OF_ONE = 50_000
/** Characters of details of all kinds together, of those who are known and of strangers each. */
const MOST_TEXT = 8_000_000
const MOST_TEXT_OF_STRANGERS = 2_000_000
/** Kinds that are due before their time. */
const MOST_FULL = 1_000

/** @param now POSIX milliseconds */
export function createTally(now: () => number): Tally {
  const kinds = new Map<string, Kind>()
  const perWho = new Map<string, number>()
  const full: Counted[] = []
  const known = { kinds: 0, text: 0, mostKinds: MOST_OF_KNOWN, mostText: MOST_TEXT }
  const strangers = { kinds: 0, text: 0, mostKinds: MOST_OF_STRANGERS, mostText: MOST_TEXT_OF_STRANGERS }
  const groupOf = ({ principal }: Access): typeof known => (principal === undefined ? strangers : known)

  function kindOf(access: Access): Kind {
    const who = whoOf(access)
    const exact = kinds.get(keyOf(who, access))
    if (exact !== undefined) return exact
    if ((perWho.get(who) ?? 0) >= MOST_OF_ONE && access.log !== undefined)
      return kindOf({ ...access, log: undefined })
    const group = groupOf(access)
    if (group.kinds >= group.mostKinds && who !== '')
      return kindOf({ ...access, principal: undefined, ip: undefined, log: undefined })
    const time = now()
    const kind: Kind = { access, who, since: time, told: false, ...empty(time) }
    kinds.set(keyOf(who, access), kind)
    group.kinds++
    perWho.set(who, (perWho.get(who) ?? 0) + 1)
    return kind
  }
  function forget(key: string, { who, access }: Kind): void {
    kinds.delete(key)
    groupOf(access).kinds--
    const left = (perWho.get(who) ?? 1) - 1
    if (left === 0) perWho.delete(who)
    else perWho.set(who, left)
  }
  function take(kind: Kind): Counted {
    const { access, count, from, until, details, unlisted } = kind
    const listed = [...details]
    groupOf(access).text -= kind.text
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
      const group = groupOf(kind.access)
      if (group.text + detail.length > group.mostText || isFull(kind)) {
        kind.unlisted++
        return
      }
      kind.details.add(detail)
      kind.text += detail.length
      group.text += detail.length
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
