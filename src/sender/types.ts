// What a sender promises, and what it says of itself.
import type { Fetch } from '../client/transport.ts'
import type { Hash } from '../core/hash.ts'
import type { SenderEvent } from './event.ts'

/** What to do with an event for which there is no room, or no disk: the fail mode. */
export type WhenFull =
  /** Fail closed: `audit()` rejects, and what it was to record should not happen. */
  | 'refuse'
  /** Fail open: `audit()` resolves, the event is gone, counted in `status().dropped` and reported. */
  | 'drop-newest'

export interface SenderOptions {
  /** Prefix of the log: `https://audit.example.com/logs/default`. Events go to `<url>/events`. */
  readonly url: string
  /** API key with `events:append`, or what gives it: asked before each request, so that a new key is used at once. */
  readonly key: string | (() => string | Promise<string>)
  /** Folder of the spool, made if need be. On a disk that survives a restart, and used by one process at a time. */
  readonly spool: string
  /** The fail mode. There is no default: whoever records must have decided. */
  readonly whenFull: WhenFull
  /** Bytes of the spool at most; 256 MiB unless given, at least 1 MiB. */
  readonly maxBytes?: number | undefined
  /** Events of one request at most, 1 to 8,192; 1,000 unless given. A request never exceeds 1 MiB, except for one event. */
  readonly batch?: number | undefined
  /** Milliseconds that an event waits for others before it is sent; 200 unless given. `deliver()` does not wait. */
  readonly flushInterval?: number | undefined
  /** Milliseconds until the next try after the log refused a request (400, 401, 403, 404, …); 60,000 unless given. */
  readonly pause?: number | undefined
  /** Milliseconds until an unanswered request counts as failed; 30,000 unless given. */
  readonly timeout?: number | undefined
  /** Hears of everything that goes wrong; `process.emitWarning` unless given. Must not throw. */
  readonly onProblem?: ((problem: Problem) => void) | undefined
  /** Hears of each acknowledged event, in order. After a crash it may hear of one twice. Must not throw. */
  readonly onReceipt?: ((id: string, receipt: EventReceipt) => void) | undefined
  /** The platform's fetch unless given. */
  readonly fetch?: Fetch | undefined
}

/** The log's word for one event: committed, at this index for ever. A proof can be had of it (`prooflog/client`). */
export interface EventReceipt {
  readonly index: number
  readonly leafHash: Hash
  /** It was in the log already: a repetition. */
  readonly duplicate: boolean
  /** `time_past`, `time_future`, `quarantined`, … */
  readonly flags: readonly string[]
}

export type ProblemCode =
  // delivery: nothing is lost, the next try comes by itself
  | 'unreachable'
  | 'unavailable'
  | 'bad_answer'
  | 'refused'
  | 'key_unavailable'
  // events
  | 'dropped'
  | 'quarantined'
  | 'set_aside'
  // the spool
  | 'spool_full'
  | 'spool_unavailable'
  | 'spool_damaged'
  | 'spool_cut'
  | 'cursor_lost'
  | 'lock_lost'
  // middlewares and callbacks
  | 'not_recorded'
  | 'callback_failed'

/** Something went wrong. Neither message nor evidence ever holds contents of an event, or a key. */
export interface Problem {
  readonly code: ProblemCode
  readonly message: string
  /** Plain data: `status`, `id`, `count`, `file`, … */
  readonly evidence: Readonly<Record<string, unknown>>
}

export interface SenderStatus {
  /** Events on disk that the log has not acknowledged yet. */
  readonly waiting: number
  /** Bytes of the spool on disk. */
  readonly bytes: number
  /** Events that were not recorded, since the start; always 0 with `refuse`. */
  readonly dropped: number
  /** Records kept aside since the start: damaged, or too large for the log. */
  readonly setAside: number
  /** The last problem; undefined once the log acknowledged something after it. */
  readonly lastError: (Problem & { readonly at: string }) | undefined
  /** When the oldest waiting event was accepted, RFC 3339; undefined when none waits. */
  readonly oldest: string | undefined
}

/** Room for one event, taken before the work that it records. Use it up, or give it back. */
export interface Reservation {
  /** As `Sender.audit`; the room is no obstacle any more, only the disk can be. */
  audit(event: SenderEvent): Promise<void>
  release(): void
}

export interface Sender {
  readonly whenFull: WhenFull
  /**
   * Resolves when the event is on disk (fsync; calls at the same time share one). From then on it survives the end of the
   * process and outages of the log, and is delivered in order, once.
   * @throws SenderError `invalid_event`, `event_too_large`, `closed`; with `refuse` also `spool_full`, `spool_unavailable`,
   *   `lock_lost`: after `spool_unavailable` the event may or may not reach the log
   */
  audit(event: SenderEvent): Promise<void>
  /**
   * Takes room for one event of up to `bytes` (32,768) of JSON. With `refuse`, rejects when an event could not be recorded now;
   * with `drop-newest` it never does.
   * @throws SenderError `closed`; with `refuse` also `spool_full`, `spool_unavailable`, `lock_lost`
   */
  reserve(bytes?: number): Promise<Reservation>
  /**
   * Resolves when all that was accepted until now has been acknowledged by the log; keeps the process alive meanwhile.
   * @throws SenderError `closed`, `lock_lost`; `set_aside` when some of it was kept aside instead
   */
  deliver(): Promise<void>
  status(): SenderStatus
  /** Hands a problem to `onProblem`; for middlewares. */
  report(problem: Problem): void
  /** Ends it: what was accepted is on disk, what was not delivered stays there for the next start. Call `deliver()` before, if you have time. */
  close(): Promise<void>
}
