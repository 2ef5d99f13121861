// Which accesses are written down, and as what (journal.ts is where to).
import type { Context } from 'hono'
import type { Principal } from '../access/principal.ts'
import { incomingOf } from './incoming.ts'
import {
  type Access,
  type Journal,
  type JournalAction,
  type Journalling,
  type JournalRule,
  toldJournal,
} from './journal.ts'
import { type Route, type RouteAccess, routeName } from './route.ts'

/** What is known of a request when it is written down. */
export interface Visited {
  readonly log: string | undefined
  readonly principal: Principal | undefined
}

type Rule = Required<JournalRule>

const DENIED: readonly number[] = [401, 403, 429]
const ACTIONS: Readonly<Partial<Record<RouteAccess, JournalAction>>> = {
  'entries:append': 'append',
  'events:append': 'append',
  'entries:read unless public': 'read',
  'entries:read': 'read',
  'meta:read': 'read',
  'search:read': 'search',
  'pii:reveal': 'reveal',
  'export:create': 'export',
}

/**
 * How requests of a route are written down: what is public or appends is not, what reads is noted, what changes something or
 * takes much away is recorded before it is answered. A route may say otherwise.
 */
export function ruleOf(route: Route, access: RouteAccess): (c: Context) => Rule {
  const action: JournalAction = ACTIONS[access] ?? (route.method === 'GET' ? 'read' : 'admin')
  const usual: Journalling =
    access === 'public' || action === 'append'
      ? 'none'
      : action === 'read' || action === 'search'
        ? 'note'
        : 'record'
  const { journal = usual } = route
  const withAction = (rule: Journalling | JournalRule): Rule =>
    typeof rule === 'string' ? { how: rule, action } : { action, ...rule }
  if (typeof journal === 'function') return (c) => withAction(journal(c))
  const rule = withAction(journal)
  return () => rule
}

/**
 * Success, before it is answered.
 * @param intended whether the intent was recorded: then what was done is answered whether or not this entry can be made now
 * @throws when it must be recorded and cannot be
 */
export async function journalSuccess(
  journal: Journal,
  access: Access,
  { how }: Pick<JournalRule, 'how'>,
  intended: boolean,
): Promise<void> {
  if (how === 'note') journal.note(access)
  if (how !== 'record') return
  await journal.record(access).catch((error: unknown) => {
    if (!intended) throw error
    journal.note(access)
  })
}

/** A refusal: who was denied, whatever the route; and what was asked in vain of a route whose requests are written down. */
export function journalRefusal(journal: Journal, access: Access, rule: JournalRule | undefined): void {
  if (access.status !== undefined && DENIED.includes(access.status))
    journal.note({ ...access, action: 'denied' })
  else if (rule !== undefined && rule.how !== 'none') journal.note(access)
}

export function accessOf(
  c: Context,
  route: Route,
  { log, principal }: Visited,
  outcome: Pick<Access, 'action' | 'status' | 'code'>,
): Access {
  const { log: _log, ...named } = c.req.param()
  return {
    ...outcome,
    route: routeName(route),
    log,
    principal,
    ip: incomingOf(c)?.socket.remoteAddress,
    detail: { ...named, ...queryOf(c), ...toldJournal(c) },
  }
}

/** As sent: a name that is given twice has a list. */
function queryOf(c: Context): Record<string, unknown> {
  const { url } = c.req.raw
  const at = url.indexOf('?')
  if (at === -1) return {}
  const query = new URLSearchParams(url.slice(at + 1))
  const found = [...new Set(query.keys())].map((name) => {
    const values = query.getAll(name)
    return [name, values.length === 1 ? values[0] : values] as const
  })
  return Object.fromEntries(found)
}
