// The client of witnesses: the engine's port for cosignatures, by policy files and HTTP.
import { formatPolicy, policyFromVkeys, quorumIsMet } from '../core/policy.ts'
import type { Cosigners } from '../log/cosigners.ts'
import type { Observer } from '../log/observer.ts'
import type { LogInfo } from '../log/types.ts'
import { collect } from './collect.ts'
import { type Contact, createContact } from './contact.ts'
import { createPolicies, type Endpoint, type LogPolicy, type PolicySource } from './policies.ts'
import { createRequests } from './requests.ts'
import { createReview } from './review.ts'
import { SYSTEM_TIMER, type Timer } from './timer.ts'

export interface CosignerOptions {
  /** The policy file of a log, by its name. @throws LogError `policy_invalid` */
  readonly policyFile: (log: string) => PolicySource | undefined
  /** Milliseconds that publication waits for witnesses. */
  readonly timeout: number
  /** Publish without the quorum, too. */
  readonly failOpen: boolean
  /** Checkpoints of one log a day, at most: what its witnesses were told to expect. */
  readonly perDay: number
  readonly observer: Pick<Observer, 'cosigned'>
  readonly report: (error: unknown, log?: string) => void
  readonly timer?: Timer
}

/** Milliseconds that an answer is waited for after the deadline; what comes then is added to the published checkpoint. */
const GRACE = 10_000
const DAY = 86_400_000
/** A checkpoint may be so much of the interval early, for which the next one is later: clocks and timers are not exact. */
const JITTER = 0.1

export function createCosigners(options: CosignerOptions): Cosigners {
  const { timeout, timer = SYSTEM_TIMER } = options
  const policyOf = createPolicies(options.policyFile)
  const contacts = createContacts(timer)
  const requests = createRequests(options.observer, timer, timeout + GRACE)
  /** When the next checkpoint of a log is due by its rate (Timer). */
  const allowed = new Map<string, number>()
  const interval = DAY / options.perDay
  const review = createReview(policyOf, (log, endpoint) => contacts.of(log, endpoint).failure)

  return {
    interval,
    policyOf(log) {
      const policy = policyOf(log)
      if (policy === undefined) return { text: formatPolicy(policyFromVkeys(log.vkeys)), quorum: false }
      return { text: policy.text, quorum: policy.quorum }
    },
    readyIn(log) {
      const policy = usable(() => policyOf(log))
      if (policy === undefined || policy.endpoints.length === 0) return 0
      const rate = (allowed.get(log.name) ?? -Infinity) - JITTER * interval
      const able = options.failOpen
        ? -Infinity
        : ableFrom(policy, (endpoint) => contacts.of(log, endpoint).notBefore)
      return Math.max(0, rate - timer.now(), able - timer.now())
    },
    async collect(request) {
      const { log } = request
      const policy = policyOf(log)
      if (policy === undefined) return { note: request.note, quorum: 'none' }
      allowed.set(log.name, Math.max(timer.now(), allowed.get(log.name) ?? 0) + interval)
      const shared = { ...request, consistency: once((from: number) => request.consistency(from)) }
      return collect({
        request: shared,
        policy,
        deadline: timeout,
        failOpen: options.failOpen,
        timer,
        async ask(endpoint) {
          const contact = contacts.of(log, endpoint)
          if (contact.notBefore > timer.now()) return undefined
          return contact.inTurn(() => requests.ask(endpoint, contact.last, shared))
        },
        late: (endpoint) =>
          contacts.of(log, endpoint).overdue(`did not answer within ${timeout} ms`, timer.now() + GRACE),
        whyNot: (endpoint) => contacts.of(log, endpoint).failure?.message ?? 'gave no cosignature',
        report: (error) => options.report(error, log.name),
      })
    },
    review,
    lacks: (log, note) => !options.failOpen && usable(() => review(log, note))?.quorum === 'missed',
    abandon: () => requests.abandon(),
  }
}

/** One contact per log and address. */
function createContacts(timer: Timer) {
  const known = new Map<string, Contact>()
  return {
    of({ name }: LogInfo, { url }: Endpoint): Contact {
      const key = `${name} ${url}`
      const contact = known.get(key) ?? createContact(timer)
      known.set(key, contact)
      return contact
    },
  }
}

/** The moment from which on enough witnesses may be asked to satisfy the quorum. */
function ableFrom({ policy, endpoints }: LogPolicy, notBefore: (endpoint: Endpoint) => number): number {
  const moments = endpoints.map((endpoint) => ({ at: notBefore(endpoint), names: endpoint.names }))
  for (const { at } of moments.toSorted((a, b) => a.at - b.at)) {
    const names = moments.filter((one) => one.at <= at).flatMap((one) => one.names)
    if (quorumIsMet(policy, new Set(names))) return at
  }
  return -Infinity
}

/** Whoever publishes will hear what is wrong with it. */
function usable<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

/** Computes the value of each argument once. */
function once<V>(compute: (from: number) => Promise<V>): (from: number) => Promise<V> {
  const computed = new Map<number, Promise<V>>()
  return (from) => {
    const value = computed.get(from) ?? compute(from)
    computed.set(from, value)
    return value
  }
}
