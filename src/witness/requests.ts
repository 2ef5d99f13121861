// The requests under way to all witnesses: each with a last deadline, so many at a time to one address, and all of them can
// be given up.
import type { CosigningRequest } from '../log/cosigners.ts'
import type { Observer } from '../log/observer.ts'
import { createSlots, type Slots } from '../log/slots.ts'
import { askWitness, type LastCosigned, type Outcome } from './ask-witness.ts'
import type { Endpoint } from './policies.ts'
import type { Timer } from './timer.ts'

export interface Requests {
  /** Resolves to undefined when it was given up. */
  ask(endpoint: Endpoint, last: LastCosigned, request: CosigningRequest): Promise<Outcome | undefined>
  /** Resolves when none is under way. */
  abandon(): Promise<void>
}

/** Requests to one witness at the same time, over all logs. */
const AT_ONCE = 64
/** Why a request was ended, if not for its time. */
const ABANDONED = new Error('the process stops')

/** @param limit milliseconds of one request, its repetitions included */
export function createRequests(observer: Pick<Observer, 'cosigned'>, timer: Timer, limit: number): Requests {
  const slots = new Map<string, Slots>()
  const underWay = new Map<AbortController, Promise<unknown>>()

  function slotsOf(url: string): Slots {
    const known = slots.get(url) ?? createSlots(AT_ONCE)
    slots.set(url, known)
    return known
  }

  async function askWithin(
    endpoint: Endpoint,
    last: LastCosigned,
    request: CosigningRequest,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    const started = timer.now()
    const outcome = await slotsOf(endpoint.url).use(() => askWitness(endpoint, last, request, signal))
    if (signal.reason === ABANDONED) return undefined
    const reason =
      outcome.kind === 'alarm' ? 'other_history' : outcome.kind === 'failed' ? outcome.reason : undefined
    observer.cosigned(request.log.name, endpoint.names[0] ?? '', (timer.now() - started) / 1000, reason)
    return outcome
  }

  return {
    ask(endpoint, last, request) {
      const controller = new AbortController()
      const cancel = timer.after(limit, () => controller.abort())
      const asking = askWithin(endpoint, last, request, controller.signal).finally(() => {
        cancel()
        underWay.delete(controller)
      })
      underWay.set(controller, asking)
      return asking
    },
    async abandon() {
      for (const controller of underWay.keys()) controller.abort(ABANDONED)
      await Promise.allSettled(underWay.values())
    },
  }
}
