// The sender: what is accepted is on disk first, and reaches the log from there.
import { type Delivery, type DeliveryOptions, startDelivery } from './delivery.ts'
import { SenderError } from './errors.ts'
import type { SenderEvent } from './event.ts'
import { openSpool } from './open-spool.ts'
import { prepareEvent } from './prepare-event.ts'
import { createReporter, type Reporter } from './report.ts'
import { frameSize, type Spool } from './spool.ts'
import type { Reservation, Sender, SenderOptions } from './types.ts'

const MAX_BATCH = 8_192
const MIN_SPOOL = 1_048_576
const DEFAULT_SPOOL = 268_435_456
const DEFAULT_ROOM = 32_768

/**
 * Opens the spool and goes on with what it holds from before.
 * @throws SenderError `invalid_options`; `spool_locked` when another process uses the folder; `spool_unavailable`
 */
export async function createSender(options: SenderOptions): Promise<Sender> {
  const settings = checkedOptions(options)
  const reporter = createReporter(options.onProblem)
  const spool = await openSpool(options.spool, settings.maxBytes, reporter.report)
  const delivery = startDelivery(spool, settings, reporter)
  return senderOver(spool, delivery, reporter, options)
}

function senderOver(
  spool: Spool,
  delivery: Delivery,
  reporter: Reporter,
  { whenFull }: SenderOptions,
): Sender {
  let closing: Promise<void> | undefined
  const checkOpen = (): void => {
    if (closing) throw new SenderError('closed', 'The sender was closed.')
  }
  /** Only what is nobody's fault but the disk's is a matter of the fail mode. */
  const failed = (error: unknown): void => {
    if (whenFull === 'refuse' || !(error instanceof SenderError)) throw error
    reporter.dropped(error.message)
  }
  function prepared(event: SenderEvent, now: number, room: number): Uint8Array {
    try {
      checkOpen()
      return prepareEvent(event, now)
    } catch (error) {
      spool.release(room)
      throw error
    }
  }
  async function record(event: SenderEvent, room: number): Promise<void> {
    const now = Date.now()
    const payload = prepared(event, now, room)
    try {
      await spool.append(payload, now, room)
    } catch (error) {
      return failed(error)
    }
    delivery.wake()
  }
  return {
    whenFull,
    audit: (event) => record(event, 0),
    async reserve(bytes = DEFAULT_ROOM) {
      checkOpen()
      if (whenFull === 'drop-newest') return { audit: (event) => record(event, 0), release: () => undefined }
      await spool.probe()
      return reservationOf(spool, frameSize(bytes), record)
    },
    deliver: () => delivery.deliver(),
    status: () => ({
      waiting: spool.waiting,
      bytes: spool.bytes,
      dropped: reporter.droppedCount,
      setAside: spool.setAside,
      lastError: reporter.last,
      oldest: spool.oldest === undefined ? undefined : new Date(spool.oldest).toISOString(),
    }),
    report: ({ code, message, evidence }) => reporter.report(code, message, evidence),
    close() {
      closing ??= delivery.close().then(async () => {
        await spool.close()
        reporter.close()
      })
      return closing
    },
  }
}

/** @throws SenderError `spool_full` */
function reservationOf(
  spool: Spool,
  room: number,
  record: (event: SenderEvent, room: number) => Promise<void>,
): Reservation {
  spool.take(room)
  let held = room
  const handOver = (): number => {
    const room = held
    held = 0
    return room
  }
  return {
    audit: (event) => record(event, handOver()),
    release: () => spool.release(handOver()),
  }
}

/** @throws SenderError `invalid_options` */
function checkedOptions(options: SenderOptions): DeliveryOptions & { readonly maxBytes: number } {
  const { key, spool, whenFull, maxBytes = DEFAULT_SPOOL, batch = 1_000 } = options
  const { flushInterval = 200, pause = 60_000, timeout = 30_000 } = options
  const url = checkedUrl(options.url)
  if (typeof key !== 'function' && !(typeof key === 'string' && key !== '')) {
    throw invalid('key', 'must be an API key, or a function that gives one')
  }
  if (typeof spool !== 'string' || spool === '') throw invalid('spool', 'must be a folder')
  if (whenFull !== 'refuse' && whenFull !== 'drop-newest') {
    const choice =
      "'refuse' (fail closed: audit() rejects) or 'drop-newest' (fail open: counted and reported)"
    throw invalid('whenFull', `must be ${choice}; there is no default`)
  }
  checkNumber('maxBytes', maxBytes, MIN_SPOOL, Number.MAX_SAFE_INTEGER)
  checkNumber('batch', batch, 1, MAX_BATCH)
  checkNumber('flushInterval', flushInterval, 0, 3_600_000)
  checkNumber('pause', pause, 0, 86_400_000)
  checkNumber('timeout', timeout, 1, 3_600_000)
  const { fetch = globalFetch, onReceipt } = options
  return { url, key, maxBytes, batch, flushInterval, pause, timeout, fetch, onReceipt }
}

function globalFetch(url: string, init: RequestInit): Promise<Response> {
  return fetch(url, init)
}

/** Where events go. */
function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') {
    return `${url.href.replace(/\/+$/, '')}/events`
  }
  throw invalid('url', 'must be the http(s) prefix of a log, such as https://audit.example.com/logs/default')
}

function checkNumber(name: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return
  throw invalid(name, `must be a whole number from ${min} to ${max}`)
}

function invalid(option: string, what: string): SenderError {
  return new SenderError('invalid_options', `createSender: ${option} ${what}.`, { option })
}
