// What the middlewares have in common: options, the fail mode, and one event for each request.
import { reasonOf, SenderError } from './errors.ts'
import { type AnswerFacts, httpEvent, type RequestFacts, type Who } from './http-event.ts'
import type { Reservation, Sender } from './types.ts'

export interface RequestAuditOptions<Request> {
  /** Who did it; asked when the answer is ready, after your own authentication. Undefined for nobody known. */
  readonly actor?: ((request: Request) => Who | undefined | Promise<Who | undefined>) | undefined
  /** Requests that are not recorded: probes, static files. */
  readonly skip?: ((request: Request) => boolean) | undefined
  /** Name of the action; `http.get`, `http.post`, … unless given. */
  readonly action?: ((request: Request) => string | undefined) | undefined
  /**
   * What is recorded as path: a pattern of your router, where paths hold names of persons (the log keeps paths in the clear). The
   * path of the request when it returns undefined.
   */
  readonly path?: ((request: Request) => string | undefined) | undefined
  /** Proxies of yours before this server, each of which appends to X-Forwarded-For; 0 unless given: the header is not believed. */
  readonly proxies?: number | undefined
}

/** One request under way. */
export interface Exchange<Request> {
  readonly request: Request
  readonly facts: RequestFacts
  readonly room: Reservation | undefined
  readonly time: number
  readonly started: number
  /** Whether its event was made; there is never a second one. */
  recorded: boolean
}

export interface RequestAudit<Request> {
  /** With a sender that refuses, no answer leaves without its event. */
  readonly closed: boolean
  skips(request: Request): boolean
  /** Begins an exchange; with a sender that drops, nothing waits and nothing fails. */
  begin(request: Request, facts: RequestFacts): Exchange<Request>
  /**
   * Begins an exchange for which there is room.
   * @throws SenderError when it could not be recorded; reported already
   */
  admit(request: Request, facts: RequestFacts): Promise<Exchange<Request>>
  /**
   * Records the exchange, once.
   * @throws SenderError with a sender that refuses, when it was not recorded; reported already. Never otherwise
   */
  record(exchange: Exchange<Request>, answer: AnswerFacts): Promise<void>
  /** The client went away: records the exchange, at once if it was answered, else when the handler answers or after 30 s. */
  abandon(exchange: Exchange<Request>, answer: () => AnswerFacts): void
}

/** Milliseconds for which a handler may go on after its client went away. */
const ABANDONED_AFTER = 30_000

/** @throws SenderError `invalid_options` */
export function requestAudit<Request>(
  sender: Sender,
  options: RequestAuditOptions<Request>,
): RequestAudit<Request> {
  const { proxies = 0 } = options
  if (!Number.isInteger(proxies) || proxies < 0) {
    const message = 'proxies must be the number of proxies before this server, 0 or more.'
    throw new SenderError('invalid_options', message, { option: 'proxies' })
  }
  const closed = sender.whenFull === 'refuse'
  const begin = (request: Request, facts: RequestFacts, room?: Reservation): Exchange<Request> => ({
    request,
    facts,
    room,
    time: Date.now(),
    started: performance.now(),
    recorded: false,
  })
  /** One report, and the error only where it has to stop something. */
  const notRecorded = (error: unknown): void => {
    const code = error instanceof SenderError ? error.code : 'callback_failed'
    const message = `A request was not recorded: ${reasonOf(error)}`
    sender.report({ code: 'not_recorded', message, evidence: { reason: code } })
    if (closed) throw error
  }
  const record = async (exchange: Exchange<Request>, answer: AnswerFacts): Promise<void> => {
    if (exchange.recorded) return
    exchange.recorded = true
    const { facts, time, started, room } = exchange
    try {
      const by = await describe(sender, options, exchange.request)
      const event = httpEvent(
        facts,
        answer,
        { time, duration: performance.now() - started },
        { ...by, proxies },
      )
      await (room ?? sender).audit(event)
    } catch (error) {
      room?.release()
      notRecorded(error)
    }
  }
  return {
    closed,
    skips: (request) => isSkipped(sender, options, request),
    begin: (request, facts) => begin(request, facts),
    async admit(request, facts) {
      const room = await sender.reserve().catch((error: unknown) => {
        notRecorded(error)
        throw error
      })
      return begin(request, facts, room)
    },
    record,
    abandon(exchange, answer) {
      const end = (): void => void record(exchange, answer()).catch(() => undefined) // it was reported
      if (answer().status !== undefined) end()
      else if (!exchange.recorded) setTimeout(end, ABANDONED_AFTER).unref()
    },
  }
}

/** Without its actor an event is no record: where that matters, it fails. Elsewhere it is recorded without, and reported. */
async function describe<Request>(sender: Sender, options: RequestAuditOptions<Request>, request: Request) {
  try {
    return {
      action: options.action?.(request),
      path: options.path?.(request),
      who: await options.actor?.(request),
    }
  } catch (error) {
    if (sender.whenFull === 'refuse') throw error
    const message = `A request was recorded without its actor: a callback has thrown: ${reasonOf(error)}`
    sender.report({ code: 'callback_failed', message, evidence: {} })
    return { action: undefined, path: undefined, who: undefined }
  }
}

/** In doubt it is recorded. */
function isSkipped<Request>(
  sender: Sender,
  { skip }: RequestAuditOptions<Request>,
  request: Request,
): boolean {
  try {
    return skip?.(request) === true
  } catch (error) {
    sender.report({ code: 'callback_failed', message: `skip has thrown: ${reasonOf(error)}`, evidence: {} })
    return false
  }
}
