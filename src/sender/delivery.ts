// From the spool to the log: one request at a time, in order, for ever.
import type { Fetch } from '../client/transport.ts'
import { reasonOf, SenderError } from './errors.ts'
import { type Outcome, postBatch, type Receipt } from './post-batch.ts'
import type { Reporter } from './report.ts'
import type { Batch, Spool } from './spool.ts'
import type { EventReceipt } from './types.ts'

export interface DeliveryOptions {
  /** Address that events are sent to. */
  readonly url: string
  readonly key: string | (() => string | Promise<string>)
  readonly fetch: Fetch
  readonly batch: number
  readonly flushInterval: number
  readonly pause: number
  readonly timeout: number
  readonly onReceipt: ((id: string, receipt: EventReceipt) => void) | undefined
}

export interface Delivery {
  /** Something is on disk. */
  wake(): void
  /** Resolves when all that is on disk now was acknowledged. @throws SenderError `closed`, `lock_lost`, `set_aside` */
  deliver(): Promise<void>
  /** Ends the request under way and resolves when nothing touches the spool any more. */
  close(): Promise<void>
}

const BATCH_BYTES = 1_048_576
const FIRST_BACKOFF = 500
const LONGEST_BACKOFF = 30_000

export function startDelivery(spool: Spool, options: DeliveryOptions, reporter: Reporter): Delivery {
  const stop = new AbortController()
  const waits = createWaits(spool)
  const alarm = createAlarm(stop.signal)
  const { batch, flushInterval } = options
  const send = batchSender(spool, options, reporter, stop.signal)

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      if (spool.waiting === 0) {
        await alarm.sleep(Infinity, () => spool.waiting > 0)
        continue
      }
      await alarm.sleep(flushInterval, () => spool.waiting >= batch || waits.any())
      if (stop.signal.aborted) return
      await spool.assertHeld()
      const pause = await send()
      waits.settle()
      if (pause > 0) await alarm.sleep(pause, () => false)
    }
  }
  /** A lost lock ends delivery; a fault of the disk does not. */
  async function runForEver(): Promise<void> {
    for (let attempt = 0; !stop.signal.aborted; attempt++) {
      try {
        await run()
      } catch (error) {
        const lost = error instanceof SenderError && error.code === 'lock_lost'
        reporter.report(lost ? 'lock_lost' : 'spool_unavailable', `Delivery: ${reasonOf(error)}`)
        if (lost) return waits.fail(error)
        await alarm.sleep(backoff(attempt), () => false)
      }
    }
  }
  const running = runForEver()

  return {
    wake: () => alarm.ring(),
    async deliver() {
      const done = waits.add(spool.end)
      alarm.ring()
      // Its timers alone do not keep a process alive; somebody who waits for delivery does.
      const alive = setInterval(() => undefined, 60_000)
      await done.finally(() => clearInterval(alive))
    },
    async close() {
      stop.abort(new Error('the sender was closed'))
      alarm.ring()
      await running
      waits.fail(
        new SenderError('closed', 'The sender was closed; what was not delivered stays in the spool.'),
      )
    },
  }
}

/** Sends the oldest batch once, and returns how long to wait before the next request; milliseconds. */
function batchSender(
  spool: Spool,
  options: DeliveryOptions,
  reporter: Reporter,
  signal: AbortSignal,
): () => Promise<number> {
  let limit = options.batch
  let attempt = 0
  const retry = (outcome: Outcome & { kind: 'retry' }): number => {
    const { code, message, evidence } = outcome.problem
    reporter.report(code, message, evidence)
    return outcome.after ?? backoff(attempt++)
  }
  return async () => {
    const batch = await spool.head(limit, BATCH_BYTES)
    if (!batch) return 0
    const outcome = await post(batch, options, signal)
    if (signal.aborted && outcome.kind !== 'acknowledged') return 0
    switch (outcome.kind) {
      case 'acknowledged':
        await spool.done(batch)
        attempt = 0
        limit = Math.min(limit + Math.ceil(limit / 8), options.batch) // after a 413, slowly back
        reporter.clear()
        tell(outcome.receipts, options, reporter)
        return 0
      case 'too_large':
        limit = Math.max(1, Math.floor(batch.records.length / 2))
        if (batch.records.length === 1)
          await spool.done(batch, { reason: `${outcome.message}, for one event.` })
        return 0
      case 'retry':
        return retry(outcome)
      case 'refused': {
        const { code, message, evidence } = outcome.problem
        reporter.report(code, message, evidence)
        return options.pause
      }
    }
  }
}

async function post(batch: Batch, options: DeliveryOptions, signal: AbortSignal): Promise<Outcome> {
  let key: string
  try {
    key = typeof options.key === 'string' ? options.key : await options.key()
  } catch (error) {
    const message = `key() has thrown: ${reasonOf(error)}`
    return { kind: 'retry', problem: { code: 'key_unavailable', message, evidence: {} } }
  }
  const payloads = batch.records.map(({ payload }) => payload)
  return postBatch(payloads, { ...options, key, signal })
}

function tell(receipts: readonly Receipt[], { onReceipt }: DeliveryOptions, reporter: Reporter): void {
  for (const { id, quarantine, ...receipt } of receipts) {
    if (quarantine) {
      const message = `The log could not read an event and kept it as it came (${quarantine.code}): ${quarantine.message}`
      reporter.report('quarantined', message, { id, index: receipt.index, code: quarantine.code })
    }
    try {
      onReceipt?.(id, receipt)
    } catch (error) {
      reporter.report('callback_failed', `onReceipt has thrown: ${reasonOf(error)}`)
    }
  }
}

/** Those who wait until a place of the spool is done. */
function createWaits(spool: Spool) {
  type Wait = { readonly settle: () => boolean; readonly reject: (error: unknown) => void }
  let open: Wait[] = []
  let failure: unknown
  const settle = (): void => {
    open = open.filter((wait) => !wait.settle())
  }
  return {
    any: () => open.length > 0,
    settle,
    add(end: Spool['end']): Promise<void> {
      const before = spool.setAside
      return new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure)
        const check = (): boolean => {
          if (!spool.isDone(end)) return false
          const aside = spool.setAside - before
          const message = `${aside} records could not be delivered and were kept aside, in the folder aside/ of the spool.`
          if (aside > 0) reject(new SenderError('set_aside', message, { count: aside }))
          else resolve()
          return true
        }
        open.push({ settle: check, reject })
        settle()
      })
    },
    fail(error: unknown): void {
      failure ??= error
      for (const { reject } of open) reject(failure)
      open = []
    },
  }
}

/** Sleep that can be cut short. Its timers do not keep a process alive. */
function createAlarm(signal: AbortSignal) {
  let wake: (() => void) | undefined
  return {
    ring(): void {
      wake?.()
    },
    /** Resolves after `ms`, or as soon as `early` holds when the alarm rings, or when all ends. */
    async sleep(ms: number, early: () => boolean): Promise<void> {
      if (signal.aborted || early()) return
      await new Promise<void>((resolve) => {
        const timer = ms === Infinity ? undefined : setTimeout(resolve, ms).unref()
        wake = () => {
          if (!signal.aborted && !early()) return
          clearTimeout(timer)
          resolve()
        }
      })
      wake = undefined
    },
  }
}

/** Doubles from attempt to attempt; the random half keeps senders that failed together from coming back together. */
function backoff(attempt: number): number {
  return Math.min(FIRST_BACKOFF * 2 ** Math.min(attempt, 10), LONGEST_BACKOFF) * (0.5 + Math.random() / 2)
}
