// Express: `app.use(auditExpress(sender))`, before the routes. Works with Connect and plain node:http too.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { holdResponse } from './hold-response.ts'
import type { AnswerFacts } from './http-event.ts'
import { factsOfNode } from './node-request.ts'
import { type Exchange, requestAudit, type RequestAudit, type RequestAuditOptions } from './request-audit.ts'
import type { Sender } from './types.ts'
import { UNAVAILABLE, UNAVAILABLE_BODY, UNAVAILABLE_HEADERS } from './unavailable.ts'

/**
 * Records every request. With a sender that refuses, a request is answered 503 before its handler runs when there is no room
 * for its event, and nothing of an answer leaves before its event is on disk; with one that drops, nothing waits.
 * @throws SenderError `invalid_options`
 */
export function auditExpress<Request extends IncomingMessage = IncomingMessage>(
  sender: Sender,
  options: RequestAuditOptions<Request> = {},
): (request: Request, response: ServerResponse, next: (error?: unknown) => void) => void {
  const audit = requestAudit(sender, options)
  return (request, response, next) => {
    if (audit.skips(request)) return next()
    const original: unknown = Reflect.get(request, 'originalUrl')
    const facts = factsOfNode(request, typeof original === 'string' ? original : request.url)
    if (!audit.closed) {
      recordAfter(audit, audit.begin(request, facts), response)
      return next()
    }
    void admitted(audit, audit.admit(request, facts), response, next)
  }
}

async function admitted<Request>(
  audit: RequestAudit<Request>,
  admission: Promise<Exchange<Request>>,
  response: ServerResponse,
  next: () => void,
): Promise<void> {
  try {
    recordBefore(audit, await admission, response)
  } catch {
    return refuse(response) // it was reported
  }
  next()
}

function recordAfter<Request>(
  audit: RequestAudit<Request>,
  exchange: Exchange<Request>,
  response: ServerResponse,
): void {
  response.once('close', () => audit.abandon(exchange, () => answerOf(response)))
}

function recordBefore<Request>(
  audit: RequestAudit<Request>,
  exchange: Exchange<Request>,
  response: ServerResponse,
): void {
  let gone = false
  holdResponse(response, (status) => audit.record(exchange, { status, failed: false, aborted: gone }))
  response.once('close', () => {
    gone = true
    audit.abandon(exchange, () => ({ status: undefined, failed: false, aborted: true }))
  })
}

function answerOf({ statusCode, headersSent, writableFinished }: ServerResponse): AnswerFacts {
  return { status: headersSent ? statusCode : undefined, failed: false, aborted: !writableFinished }
}

function refuse(response: ServerResponse): void {
  response.writeHead(UNAVAILABLE, UNAVAILABLE_HEADERS)
  response.end(UNAVAILABLE_BODY)
}
