// Follows any log that serves tiles (https://c2sp.org/tlog-tiles), round by round, and holds everything against it that its
// signed heads allow: no word of its operator is needed.
import type { ClientError } from '../client/errors.ts'
import type { Head } from '../client/head.ts'
import type { Transport } from '../client/transport.ts'
import { ProoflogError } from '../core/errors.ts'
import type { Policy } from '../core/policy.ts'
import { hashEntries } from './entries.ts'
import { ageOf, futureTime, timeText } from './freshness.ts'
import { type Look, lookAt } from './look.ts'
import { openHead } from './served-head.ts'
import { type Sighting, sightingsOf, type Watchers } from './sightings.ts'
import { type Ahead, memoryStateStore, type MonitorState, StateError, type StateStore } from './state.ts'
import { Violation } from './violation.ts'

export interface MonitorOptions extends Watchers {
  /** The log; asked past every cache (TransportOptions.fresh). */
  readonly source: Transport
  readonly policy: Policy
  /** In memory unless given. */
  readonly store?: StateStore
  /** Milliseconds without a new signature that are allowed; Infinity to allow any. */
  readonly maxAge: number
  /** Milliseconds that others may be ahead of the log. */
  readonly grace: number
  /** Whether every new entry is hashed. */
  readonly entries: boolean
  /** Entries hashed so far, of how many. */
  readonly onProgress?: (done: number, total: number) => void
  /** POSIX milliseconds; the system's clock unless given. */
  readonly now?: () => number
  /** Waits for milliseconds; timers unless given. */
  readonly pause?: (ms: number) => Promise<void>
}

export interface Round {
  /** POSIX milliseconds. */
  readonly at: number
  /** What the log serves, if the log signed it. */
  readonly head: Head | undefined
  /** Nothing was remembered to compare with: trust on first use. */
  readonly firstUse: boolean
  readonly violations: readonly Violation[]
  readonly warnings: readonly string[]
  /** Addresses of witnesses and mirrors whose head is of the same history. */
  readonly agreed: readonly string[]
  /** Entries that were hashed, of all rounds; undefined when they are not asked for. */
  readonly entries: number | undefined
  /** The log could not be asked for everything. */
  readonly failure: ClientError | undefined
}

/** Milliseconds before another look at what a server that is a moment behind the others may serve too. */
const SECOND_LOOKS = [500, 1_000, 2_000, 4_000]
const PASSING = new Set(['rewound', 'tile_missing'])

/** A monitor. Each call makes one round; one must end before the next begins. Rounds throw StateError, and what the store throws. */
export function createMonitor(options: MonitorOptions): () => Promise<Round> {
  const { store = memoryStateStore(), now = Date.now, entries, maxAge } = options
  return async () => {
    const state = await store.load()
    const remembered = state && openRemembered(state, options.policy)
    const { look, warnings } = await lookUntilSure(options, state, remembered)
    const at = now()
    const { head } = look
    const ahead = aheadOf(state, look, at)
    const violations = [...look.violations, ...withheld(look, ahead, options.grace, at)]
    const sound = head !== undefined && look.failure === undefined && violations.length === 0
    const grownAt = state && remembered?.checkpoint.size === head?.checkpoint.size ? state.grownAt : at
    const next: MonitorState | undefined = sound
      ? { note: head.note, grownAt, servedAt: at, ahead, entries: state?.entries }
      : state && { ...state, ahead }
    if (next) await store.save(next)
    const hashed = entries && sound && next ? await hashEntries(options, look.tiles, head, next, store) : {}
    violations.push(
      ...(hashed.violations ?? []),
      ...stale(head, remembered, { grownAt, at, servedAt: state?.servedAt ?? at }, maxAge),
    )
    warnings.push(...ofTheFuture(head, at))
    return {
      at,
      head,
      firstUse: state === undefined,
      violations,
      warnings,
      agreed: [...new Set(look.agreed)],
      entries: entries ? (hashed.size ?? next?.entries?.size ?? 0) : undefined,
      failure: look.failure ?? hashed.failure,
    }
  }
}

/** Servers behind one address are not all equally new, and witnesses see a head before it is served: then another look tells. */
async function lookUntilSure(
  options: MonitorOptions,
  state: MonitorState | undefined,
  remembered: Head | undefined,
): Promise<{ look: Look; warnings: string[] }> {
  const { source, policy, pause = sleep } = options
  const warnings: string[] = []
  let asked: Promise<readonly Sighting[]> | undefined
  const ask = async (origin: string): Promise<readonly Sighting[]> => {
    const { sightings, ...found } = await sightingsOf(options, policy, origin)
    warnings.push(...found.warnings)
    return [...(state?.ahead ?? []).map((known) => rememberedSighting(known, policy, origin)), ...sightings]
  }
  for (let attempt = 0; ; attempt++) {
    const sightings = (origin: string): Promise<readonly Sighting[]> => (asked ??= ask(origin))
    const look = await lookAt({ source, policy, remembered, sightings })
    const wait = SECOND_LOOKS[attempt]
    const doubtful = look.ahead.length > 0 || look.violations.some(({ code }) => PASSING.has(code))
    if (!doubtful || wait === undefined) return { look, warnings }
    await pause(wait)
  }
}

function openRemembered({ note }: MonitorState, policy: Policy): Head {
  return believed('the remembered checkpoint', () => openHead(note, policy, undefined))
}

function rememberedSighting({ heldBy, note }: Ahead, policy: Policy, origin: string): Sighting {
  const head = believed(`the remembered checkpoint of ${heldBy}`, () => openHead(note, policy, origin))
  return { heldBy, head, tiles: undefined }
}

function believed(what: string, open: () => Head): Head {
  try {
    return open()
  } catch (cause) {
    if (!(cause instanceof ProoflogError)) throw cause
    throw new StateError(`${what} is not believed any more: ${cause.message}`, {}, { cause })
  }
}

/** Those that are ahead of the log, with the time since when. */
function aheadOf(state: MonitorState | undefined, { ahead, head, failure }: Look, at: number): Ahead[] {
  if (head === undefined || failure !== undefined) return [...(state?.ahead ?? [])] // nothing was compared
  const found = new Map<string, Ahead>()
  for (const { heldBy, head: seen } of ahead) {
    // A remembered one comes before what the same witness has seen since.
    const known = state?.ahead.find(({ note }) => note === seen.note)
    if (!found.has(heldBy)) found.set(heldBy, known ?? { heldBy, note: seen.note, since: at })
  }
  return [...found.values()]
}

function withheld({ head, failure }: Look, ahead: readonly Ahead[], grace: number, at: number): Violation[] {
  if (head === undefined || failure !== undefined) return []
  return ahead
    .filter(({ since }) => at - since >= grace)
    .map(({ heldBy, note, since }) => {
      const message = `${heldBy} has seen more of the log than size ${head.checkpoint.size}, which is served here, since ${timeText(since)}: the log holds entries back, or shows another history here`
      return new Violation('head_withheld', message, {
        notes: { remembered: note, offered: head.note },
        heldBy,
      })
    })
}

interface Times {
  readonly at: number
  readonly grownAt: number
  readonly servedAt: number
}

function stale(
  head: Head | undefined,
  remembered: Head | undefined,
  { at, grownAt, servedAt }: Times,
  maxAge: number,
): Violation[] {
  const newest = head ?? remembered
  if (newest === undefined) return []
  const { age, since } = ageOf(newest, head ? grownAt : servedAt, at)
  if (age <= maxAge) return []
  const served = head ? '' : `nothing was served since ${timeText(servedAt)}; `
  const message = `${served}size ${newest.checkpoint.size} is ${Math.round(age / 1000)} s old, ${Math.round(maxAge / 1000)} s are allowed: ${since}`
  return [new Violation('stale', message, { notes: { offered: newest.note } })]
}

function ofTheFuture(head: Head | undefined, at: number): string[] {
  const time = head && futureTime(head, at)
  if (time === undefined) return []
  return [`a signature is of ${timeText(time)}, which has not come: its clock or this one is wrong`]
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
