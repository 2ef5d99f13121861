// Threads that seal large requests, so that the one that answers is free to answer. What they cannot do is done here.
import { AuditError } from './audit/event/errors.ts'
import type { Records, Sent } from './audit/event/types.ts'
import { unpack } from './audit/record/packed.ts'
import type { LogRef, Ready, Sealer } from './audit/record/types.ts'
import { keepThread } from './keep-thread.ts'
import type { SealRequest, SealSetup, SealTold } from './seal-worker.ts'

export interface SealThreads extends Sealer {
  /** Begins the threads, which otherwise the first large request does; resolves when they can be asked. */
  open(): Promise<void>
  /** After what is under way; what comes later is sealed without them. */
  stop(): Promise<void>
}

/** Records that are worth the way to another thread and back: some hundred microseconds of work. */
const WORTH = 32
/** Bytes of bodies that wait for a thread at most, for they are copied: more than a second of work. */
const MOST_WAITING = 32 * 2 ** 20

/**
 * @param count of threads; 0 for none
 * @param here seals small requests, those before a thread is open, and those that a thread could not say the fault of
 */
export function createSealThreads(
  setup: SealSetup,
  count: number,
  here: Sealer,
  report: (error: unknown) => void,
): SealThreads {
  let threads: readonly SealThread[] = []
  let stopped = false

  function begin(): readonly SealThread[] {
    if (threads.length === 0) threads = Array.from({ length: count }, () => startSealThread(setup, report))
    return threads
  }

  /** The thread for a request, if it is one for a thread: the one with the least to do, of those that are open. */
  function threadFor({ sent, length }: Records): SealThread | undefined {
    if (stopped || sent === undefined || length < WORTH) return undefined
    let found: SealThread | undefined
    for (const one of begin()) if (one.load < (found?.load ?? Infinity)) found = one
    return found && found.load + sent.body.length <= MOST_WAITING ? found : undefined
  }

  return {
    async seal(log, records, source) {
      const sealed = records.sent && (await threadFor(records)?.seal(log, records.sent, source))
      return sealed ?? here.seal(log, records, source)
    },
    forget() {
      here.forget()
      for (const one of threads) one.forget()
    },
    async open() {
      await Promise.all(begin().map((one) => one.opened))
    },
    async stop() {
      stopped = true // what comes now, such as a request whose sender has gone, begins no thread
      await Promise.all(threads.map((one) => one.stop()))
    },
  }
}

interface SealThread {
  /** Bytes that it was asked for and has not answered; infinite while it is not open. */
  readonly load: number
  readonly opened: Promise<void>
  /** Undefined when it cannot say why it failed, or ended. @throws AuditError as Sealer.seal */
  seal(log: LogRef, sent: Sent, source: string): Promise<Ready[] | undefined>
  forget(): void
  stop(): Promise<void>
}

interface Waiting {
  readonly resolve: (sealed: Ready[] | undefined) => void
  readonly reject: (error: AuditError) => void
}

function startSealThread(setup: SealSetup, report: (error: unknown) => void): SealThread {
  const waiting = new Map<number, Waiting>()
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  let load = Infinity
  let last = 0
  const thread = keepThread<SealTold>('seal-worker', setup, {
    told(told) {
      if (told.what === 'open') {
        load = 0
        return open()
      }
      const asked = waiting.get(told.id)
      if (told.what === 'sealed') asked?.resolve(unpack(told.packed))
      else if (told.error === undefined) {
        report(new Error(`a thread could not seal a request, which is now sealed without it: ${told.why}`))
        asked?.resolve(undefined)
      } else {
        const { code, message, evidence, cause } = told.error
        asked?.reject(new AuditError(code, message, evidence, { cause }))
      }
    },
    lost() {
      load = Infinity
      for (const { resolve } of waiting.values()) resolve(undefined)
    },
    report,
  })
  const ask = (request: SealRequest, transfer?: ArrayBuffer[]): void => thread.post(request, transfer)

  return {
    get load() {
      return load
    },
    opened,
    async seal(log, sent, source) {
      const id = ++last
      const { length } = sent.body
      const body = new Uint8Array(sent.body) // it changes hands, and is needed here should the thread fail
      ask({ what: 'seal', id, log: { id: log.id, name: log.name }, sent: { ...sent, body }, source }, [
        body.buffer,
      ])
      load += length
      try {
        return await new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
      } finally {
        waiting.delete(id)
        load -= length
      }
    },
    forget: () => ask({ what: 'forget' }),
    stop: () => thread.stop(),
  }
}
