// Fastify: `app.register(auditFastify(sender))`, before the routes.
import type { IncomingMessage } from 'node:http'
import type { AnswerFacts } from './http-event.ts'
import { factsOfNode } from './node-request.ts'
import { type Exchange, requestAudit, type RequestAudit, type RequestAuditOptions } from './request-audit.ts'
import type { Sender } from './types.ts'
import { UNAVAILABLE, UNAVAILABLE_BODY, UNAVAILABLE_HEADERS } from './unavailable.ts'

/** What is used of a Fastify request. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage
  readonly originalUrl: string
}

/** What is used of a Fastify reply. */
export interface FastifyReplyLike {
  readonly statusCode: number
  code(status: number): unknown
  header(name: string, value: string): unknown
  getHeaders(): object
  removeHeader(name: string): unknown
  send(payload: string): unknown
}

/** What is used of a Fastify instance. */
export interface FastifyLike {
  addHook(name: string, hook: (...args: never[]) => Promise<unknown>): unknown
}

type Under<Request> = {
  readonly exchange: Exchange<Request>
  status: number | undefined
  failed: boolean
  gone: boolean
}

/**
 * A plugin that records every request of the instance it is registered in. With a sender that refuses, a request is answered 503
 * before its handler runs when there is no room for its event, and no answer leaves before its event is on disk (one that was
 * hijacked is recorded when it ends); with one that drops, nothing waits.
 * @throws SenderError `invalid_options`
 */
export function auditFastify<Request extends FastifyRequestLike = FastifyRequestLike>(
  sender: Sender,
  options: RequestAuditOptions<Request> = {},
): (app: FastifyLike) => Promise<void> {
  const audit = requestAudit(sender, options)
  const plugin = async (app: FastifyLike): Promise<void> => addHooks(app, audit)
  // Hooks are for the instance that registers the plugin, not for a child of its own: what fastify-plugin does.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'prooflog-audit',
  })
}

function addHooks<Request extends FastifyRequestLike>(app: FastifyLike, audit: RequestAudit<Request>): void {
  const under = new WeakMap<Request, Under<Request>>()

  app.addHook('onRequest', async (request: Request, reply: FastifyReplyLike) => {
    if (audit.skips(request)) return undefined
    const facts = factsOfNode(request.raw, request.originalUrl)
    try {
      const exchange = audit.closed ? await audit.admit(request, facts) : audit.begin(request, facts)
      under.set(request, { exchange, status: undefined, failed: false, gone: false })
      return undefined
    } catch {
      replaceAnswer(reply) // it was reported
      return reply.send(UNAVAILABLE_BODY)
    }
  })
  app.addHook('onError', async (request: Request) => {
    const state = under.get(request)
    if (state) state.failed = true
  })
  app.addHook('onSend', async (request: Request, reply: FastifyReplyLike, payload: unknown) => {
    const state = under.get(request)
    if (!state) return payload
    state.status = reply.statusCode
    if (!audit.closed) return payload
    try {
      await audit.record(state.exchange, answerOf(state))
      return payload
    } catch {
      discard(payload)
      replaceAnswer(reply)
      return UNAVAILABLE_BODY
    }
  })
  app.addHook('onRequestAbort', async (request: Request) => {
    const state = under.get(request)
    if (!state) return
    state.gone = true
    audit.abandon(state.exchange, () => answerOf(state))
  })
  app.addHook('onResponse', async (request: Request, reply: FastifyReplyLike) => {
    const state = under.get(request)
    if (!state) return
    state.status ??= reply.statusCode
    await audit.record(state.exchange, answerOf(state)).catch(() => undefined) // it was reported
  })
}

function answerOf({ status, failed, gone }: Omit<Under<never>, 'exchange'>): AnswerFacts {
  return { status, failed, aborted: gone }
}

function replaceAnswer(reply: FastifyReplyLike): void {
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name)
  reply.code(UNAVAILABLE)
  for (const [name, value] of Object.entries(UNAVAILABLE_HEADERS)) reply.header(name, value)
}

/** A stream that nobody reads any more holds its file open. */
function discard(payload: unknown): void {
  if (typeof payload !== 'object' || payload === null || !('destroy' in payload)) return
  if (typeof payload.destroy === 'function') Reflect.apply(payload.destroy, payload, [])
}
