// What the self-check of this process found, for those who administer logs.
import type { Context } from 'hono'
import type { Log } from '../log/types.ts'
import { type LogCheck, type SelfCheckEvent } from '../self-check/board.ts'
import { describeFinding, type Finding } from '../self-check/finding.ts'
import type { SelfCheck } from '../self-check/self-check.ts'
import { readQuery } from './query.ts'
import { json } from './respond.ts'
import type { AccessTable, Route } from './route.ts'
import { selfCheckEvents, selfCheckReport } from './self-check-schemas.ts'

export interface SelfCheckDeps {
  /** Undefined when the service does not check. */
  readonly selfCheck: Pick<SelfCheck, 'of' | 'current' | 'subscribe'> | undefined
  /** Ends the streams. */
  readonly stopping: AbortSignal
}

/** A comment goes out this often, so that nobody on the way takes silence for the end; milliseconds. */
const KEEP_ALIVE = 15_000

const ACCESS: AccessTable = {
  'GET /logs/:log/self-check': 'logs:admin',
  'GET /self-check/events': 'logs:admin',
}

/** The routes and who may use them. */
export function selfCheckRoutes(deps: SelfCheckDeps): { routes: readonly Route[]; access: AccessTable } {
  return { routes: routesOf(deps), access: ACCESS }
}

function routesOf(deps: SelfCheckDeps): Route[] {
  return [
    {
      method: 'GET',
      path: '/logs/:log/self-check',
      onLog: (c, log) => getSelfCheck(c, log, deps),
      doc: {
        tag: 'operation',
        summary: 'What the self-check found',
        description:
          'The service reads its own database again and derives everything anew. `findings` name table and row, what was expected and ' +
          'what is there; `working` is false in a process that leaves this log to another one.',
        answers: { 'application/json': selfCheckReport },
        problems: ['invalid_parameter'],
      },
    },
    {
      method: 'GET',
      path: '/self-check/events',
      handle: (c) => followSelfCheck(c, deps),
      doc: {
        tag: 'operation',
        summary: 'Findings as they come',
        description:
          'Server-sent events: one of type `findings` for every log that has some now, and then one at each change, with all findings of ' +
          'that log; an empty list says that it is right again. `log` is null for rows that no log has.',
        answers: { 'text/event-stream': selfCheckEvents },
        problems: ['invalid_parameter'],
      },
    },
  ]
}

function getSelfCheck(c: Context, log: Log, { selfCheck }: SelfCheckDeps): Response {
  readQuery(c, [])
  return json(describeCheck(selfCheck?.of(log.info.name)))
}

function describeCheck(check: LogCheck | undefined): object {
  if (check === undefined) {
    return {
      working: false,
      findings: [],
      more: 0,
      entries_checked: 0,
      newest: null,
      pass: null,
      last_pass: null,
    }
  }
  const { working, findings, more, checked, newest, pass, lastPass } = check
  return {
    working,
    findings: findings.map(fieldsOf),
    more,
    entries_checked: checked,
    newest: newest && { checked_at: timeOf(newest.at), from: newest.from, tree_size: newest.size },
    pass: pass && { next: pass.next, tree_size: pass.size },
    last_pass: lastPass && {
      started_at: timeOf(lastPass.started),
      finished_at: timeOf(lastPass.finished),
      tree_size: lastPass.size,
    },
  }
}

function fieldsOf(finding: Finding): object {
  return { ...finding, message: describeFinding(finding) }
}

function followSelfCheck(c: Context, { selfCheck, stopping }: SelfCheckDeps): Response {
  readQuery(c, [])
  const encoder = new TextEncoder()
  let end = (_gone?: boolean): void => {}
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string): void => controller.enqueue(encoder.encode(text))
      const unsubscribe = selfCheck?.subscribe((event) => {
        // Who does not read is let go: findings are asked for again with the next connection.
        if ((controller.desiredSize ?? 0) < -MAX_WAITING) end()
        else send(formatEvent(event))
      })
      const timer = setInterval(() => send(': still here\n\n'), KEEP_ALIVE)
      end = (gone = false) => {
        end = () => {}
        clearInterval(timer)
        unsubscribe?.()
        stopping.removeEventListener('abort', close)
        // Who went away closed it himself.
        if (!gone) controller.close()
      }
      const close = (): void => end()
      stopping.addEventListener('abort', close)
      send(': findings follow\n\n')
      for (const event of selfCheck?.current() ?? []) send(formatEvent(event))
      if (stopping.aborted) end()
    },
    cancel: () => end(true),
  })
  return new Response(stream, {
    headers: {
      'access-control-allow-origin': '*',
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    },
  })
}

/** Events that wait for a reader. */
const MAX_WAITING = 100

function formatEvent({ log, findings, more }: SelfCheckEvent): string {
  return `event: findings\ndata: ${JSON.stringify({ log, findings: findings.map(fieldsOf), more })}\n\n`
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
