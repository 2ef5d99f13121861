// Hono: `app.use(auditHono(sender))`.
import type { AnswerFacts, RequestFacts } from './http-event.ts'
import { type Exchange, requestAudit, type RequestAudit, type RequestAuditOptions } from './request-audit.ts'
import type { Sender } from './types.ts'
import { UNAVAILABLE, UNAVAILABLE_BODY, UNAVAILABLE_HEADERS } from './unavailable.ts'

/** What is used of a Hono context. */
export interface HonoContext {
  readonly req: {
    readonly method: string
    readonly url: string
    header(name: string): string | undefined
  }
  /** With @hono/node-server it holds the request of Node, and so the peer. */
  readonly env: unknown
  /** What the handler has thrown. */
  readonly error?: Error | undefined
  res: Response
}

export interface HonoAuditOptions<Context> extends RequestAuditOptions<Context> {
  /** Address of the connection, where the server is not @hono/node-server. */
  readonly peer?: ((context: Context) => string | undefined) | undefined
}

/**
 * Records every request. With a sender that refuses, a request is answered 503 before its handler runs when there is no room
 * for its event, and no answer leaves before its event is on disk; with one that drops, nothing waits.
 * @throws SenderError `invalid_options`
 */
export function auditHono<Context extends HonoContext = HonoContext>(
  sender: Sender,
  options: HonoAuditOptions<Context> = {},
): (context: Context, next: () => Promise<void>) => Promise<Response | void> {
  const audit = requestAudit(sender, options)
  return async (context, next) => {
    if (audit.skips(context)) return next()
    const facts = factsOf(context, options)
    if (!audit.closed) return recordAfter(audit, audit.begin(context, facts), next)
    let exchange: Exchange<Context>
    try {
      exchange = await audit.admit(context, facts)
    } catch {
      return unavailable() // it was reported
    }
    return recordBefore(audit, exchange, next)
  }
}

async function recordAfter<Context extends HonoContext>(
  audit: RequestAudit<Context>,
  exchange: Exchange<Context>,
  next: () => Promise<void>,
): Promise<void> {
  try {
    await next()
  } catch (error) {
    void audit.record(exchange, THROWN)
    throw error
  }
  void audit.record(exchange, answerOf(exchange.request))
}

async function recordBefore<Context extends HonoContext>(
  audit: RequestAudit<Context>,
  exchange: Exchange<Context>,
  next: () => Promise<void>,
): Promise<Response | void> {
  const context = exchange.request
  const handled = await next().then(
    () => ({ answer: answerOf(context), rethrow: () => undefined }),
    (error: unknown) => ({
      answer: THROWN,
      rethrow: () => {
        throw error
      },
    }),
  )
  try {
    await audit.record(exchange, handled.answer)
  } catch {
    return replaceAnswer(context)
  }
  handled.rethrow()
}

const THROWN: AnswerFacts = { status: 500, failed: true, aborted: false }

function answerOf(context: HonoContext): AnswerFacts {
  return { status: context.res.status, failed: context.error !== undefined, aborted: false }
}

/** Hono copies the headers of the former answer to the next one: it has to be taken away first. */
function replaceAnswer(context: { res: Response | undefined }): void {
  void context.res?.body?.cancel().catch(() => undefined)
  context.res = undefined
  context.res = unavailable()
}

function unavailable(): Response {
  return new Response(UNAVAILABLE_BODY, { status: UNAVAILABLE, headers: UNAVAILABLE_HEADERS })
}

function factsOf<Context extends HonoContext>(
  context: Context,
  options: HonoAuditOptions<Context>,
): RequestFacts {
  const { pathname, search } = new URL(context.req.url)
  return {
    method: context.req.method,
    target: `${pathname}${search}`,
    header: (name) => context.req.header(name),
    peer: options.peer ? options.peer(context) : peerOf(context.env),
  }
}

/** `env.incoming.socket.remoteAddress`, if it is there. */
function peerOf(env: unknown): string | undefined {
  const address = memberOf(memberOf(memberOf(env, 'incoming'), 'socket'), 'remoteAddress')
  return typeof address === 'string' ? address : undefined
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
