// A request and its answer as an event. Never bodies, never cookies, never credentials.
import { clientAddress } from './client-address.ts'
import type { Actor, SenderEvent } from './event.ts'

/** Who did it, from a session that was verified. */
export interface Who extends Actor {
  /** Name of the session: not its secret. */
  readonly session?: string | undefined
}

export interface RequestFacts {
  readonly method: string
  /** Path and query, as they were sent. */
  readonly target: string
  readonly header: (name: string) => string | undefined
  /** Address of the connection. */
  readonly peer: string | undefined
}

export interface AnswerFacts {
  /** Undefined when none was given: the client went away. */
  readonly status: number | undefined
  /** The handler has thrown. */
  readonly failed: boolean
  /** The connection ended before the answer did. */
  readonly aborted: boolean
}

export interface Clocks {
  /** When the request came; milliseconds since 1970. */
  readonly time: number
  /** How long the answer took; milliseconds. */
  readonly duration: number
}

/** What the options make of a request. */
export interface Described {
  readonly action: string | undefined
  readonly path: string | undefined
  readonly who: Who | undefined
  readonly proxies: number
}

const MAX_METHOD = 32
const MAX_PATH = 4_096
const MAX_QUERY = 8_192
const MAX_AGENT = 2_048
const MAX_HOST = 256

export function httpEvent(
  request: RequestFacts,
  answer: AnswerFacts,
  clocks: Clocks,
  by: Described,
): SenderEvent {
  const { method } = request
  const [path = '', ...query] = request.target.split('?')
  const { session, ...actor } = by.who ?? {}
  const ip = clientAddress(request.peer, request.header('x-forwarded-for'), by.proxies)
  return {
    time: new Date(clocks.time).toISOString(),
    action: by.action ?? `http.${method.toLowerCase()}`.slice(0, MAX_METHOD),
    outcome: outcomeOf(answer),
    ...(Object.keys(actor).length > 0 ? { actor } : {}),
    ...(ip === undefined ? {} : { src: { ip } }),
    http: {
      method: method.slice(0, MAX_METHOD),
      path: cut(by.path ?? path, MAX_PATH),
      query: cut(query.join('?'), MAX_QUERY),
      status: answer.status,
      user_agent: cut(request.header('user-agent'), MAX_AGENT),
      host: cut(request.header('host'), MAX_HOST),
    },
    ...(session === undefined ? {} : { auth: { session_id: session } }),
    ...traceOf(request.header('traceparent')),
    extra: {
      duration_ms: Math.round(clocks.duration * 10) / 10,
      ...(answer.aborted ? { aborted: true } : {}),
    },
  }
}

function outcomeOf({ status, failed }: AnswerFacts): SenderEvent['outcome'] {
  if (failed) return 'failure'
  if (status === undefined) return 'unknown'
  return status < 400 ? 'success' : 'failure'
}

/** Empty texts are no values. */
function cut(text: string | undefined, max: number): string | undefined {
  return text === undefined || text === '' ? undefined : text.slice(0, max)
}

/** W3C Trace Context: `00-<trace id>-<span id>-<flags>`; ids of zeros are none. */
function traceOf(header: string | undefined): { trace_id?: string; span_id?: string } {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-|$)/.exec(header ?? '')
  const [, trace_id = '', span_id = ''] = match ?? []
  return match && /[^0]/.test(trace_id) && /[^0]/.test(span_id) ? { trace_id, span_id } : {}
}
